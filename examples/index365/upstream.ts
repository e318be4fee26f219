import { randomUUID } from 'node:crypto'
import { type Answer, type Call, serve, text } from '../serve.ts'

/** index365's API: projects by domain, audit runs, findings and reports, each of one organization. */

interface Project {
  readonly id: string
  readonly organization: string
  readonly domain: string
}

const projects = new Map<string, Project>()
const runs: { readonly id: string; readonly organization: string; readonly project: string }[] = []

/** Another organization's project is answered like one that does not exist. */
function ownProject({ params, organization }: Call): Project | undefined {
  const project = projects.get(params.id ?? '')
  return project?.organization === organization ? project : undefined
}

const notFound: Answer = { status: 404, body: { error: 'not found' } }
const ownOnly = <T extends { organization: string }>(all: Iterable<T>, { organization }: Call): T[] =>
  [...all].filter((one) => one.organization === organization)

serve('index365 API', {
  'GET /api/v1/projects': (call) => ({ status: 200, body: { projects: ownOnly(projects.values(), call) } }),
  'POST /api/v1/projects': (call) => {
    const domain = text(call.body, 'domain')
    if (domain === undefined) return { status: 422, body: { error: 'domain is needed' } }
    const known = ownOnly(projects.values(), call).find((project) => project.domain === domain)
    if (known) return { status: 200, body: known }
    const project = { id: `prj_${randomUUID()}`, organization: call.organization, domain }
    projects.set(project.id, project)
    return { status: 201, body: project }
  },
  'GET /api/v1/projects/:id': (call) => {
    const project = ownProject(call)
    return project ? { status: 200, body: project } : notFound
  },
  'DELETE /api/v1/projects/:id': (call) => {
    const project = ownProject(call)
    if (!project) return notFound
    if (text(call.body, 'confirm') !== project.domain) {
      return { status: 409, body: { error: 'echo the exact domain as confirm' } }
    }
    projects.delete(project.id)
    return { status: 204, body: null }
  },
  'POST /api/v1/projects/:id/runs': (call) => {
    const project = ownProject(call)
    if (!project) return notFound
    const run = { id: `run_${randomUUID()}`, organization: call.organization, project: project.id }
    runs.push(run)
    return { status: 202, body: run }
  },
  'GET /api/v1/projects/:id/runs': (call) =>
    ownProject(call) ? { status: 200, body: { runs: ownOnly(runs, call) } } : notFound,
  'GET /api/v1/runs': (call) => ({ status: 200, body: { runs: ownOnly(runs, call) } }),
  'GET /api/v1/findings': () => ({ status: 200, body: { findings: [] } }),
  'GET /api/v1/reports': () => ({ status: 200, body: { reports: [] } }),
})
