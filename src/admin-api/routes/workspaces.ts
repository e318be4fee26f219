import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Store, Workspace } from '../../store/store.ts'
import { actorOf, organizationOf, type ResourceRoutes } from '../context.ts'
import { ifMatch, sendTagged } from '../etag.ts'
import { makeOnce } from '../make-once.ts'
import { pageOf, pageQuery, sendPage } from '../paging.ts'
import { workspaceRecord } from '../records.ts'
import { refuse } from '../refusals.ts'
import { bodyRefusals, given, name, organizationParams, problemBody, refusals, time } from '../schemas.ts'

export const workspace = z
  .object({
    id: z.string(),
    organization_id: z.string(),
    name: z.string(),
    external_id: z.string().nullable(),
    created_at: time,
    updated_at: time,
  })
  .meta({ id: 'WorkspaceRecord' })

export const workspaceRecordOf = (one: Workspace) => workspaceRecord(one) as z.input<typeof workspace>

// Other characters have several spellings in a path, and a grant must match in one alone.
const externalId = z
  .string()
  .regex(/^[A-Za-z0-9._~:@-]{1,200}$/, 'must be 1 to 200 letters, digits and . _ ~ : @ -')
  .nullable()
  .describe('The id that the API behind the gateway has for it, as it stands in paths.')

const params = organizationParams.extend({ workspace_id: z.string() })
const create = z.strictObject({ name, external_id: externalId.optional() })
const patch = z.strictObject({ name: name.optional(), external_id: externalId.optional() })

/** Workspaces, which keys are granted or bound to. */
export const workspaceRoutes: ResourceRoutes = (app, { store }) => {
  const exists = workspaceExists(store)
  const tags = ['workspaces']

  app.post(
    '/organizations/:organization_id/workspaces',
    {
      config: { idempotent: true },
      schema: {
        operationId: 'createWorkspace',
        tags,
        params: organizationParams,
        body: create,
        response: { ...bodyRefusals, 201: workspace },
      },
    },
    async (request, reply) => {
      const { name, external_id: externalId = null } = request.body
      const { id: organizationId } = organizationOf(request)
      return makeOnce(store, request, reply, async (store) => {
        const made = await store.createWorkspace({ organizationId, name, externalId }, actorOf(request))
        const body = workspaceRecordOf(made)
        return { status: 201, body, tagged: body }
      })
    },
  )

  app.get(
    '/organizations/:organization_id/workspaces',
    {
      schema: {
        operationId: 'listWorkspaces',
        tags,
        params: organizationParams,
        querystring: z.strictObject(pageQuery),
        response: { ...refusals, 200: z.array(workspace) },
      },
    },
    async (request, reply) => {
      const page = pageOf(request.query)
      const workspaces = await store.listWorkspaces(organizationOf(request).id, page)
      return sendPage(request, reply, page, workspaces.map(workspaceRecordOf))
    },
  )

  app.get(
    '/organizations/:organization_id/workspaces/:workspace_id',
    {
      config: { exists },
      schema: { operationId: 'getWorkspace', tags, params, response: { ...refusals, 200: workspace } },
    },
    async (request, reply) => sendTagged(reply, workspaceRecordOf(workspaceOf(request))),
  )

  app.patch(
    '/organizations/:organization_id/workspaces/:workspace_id',
    {
      config: { exists },
      schema: {
        operationId: 'updateWorkspace',
        tags,
        params,
        body: patch,
        response: { ...bodyRefusals, 200: workspace, 412: problemBody },
      },
    },
    async (request, reply) => {
      const before = workspaceOf(request)
      const { external_id: externalId, ...same } = given(request.body)
      const change = { ...same, ...(externalId !== undefined && { externalId }) }
      const changed = await store.updateWorkspace(
        before.organizationId,
        before.id,
        change,
        actorOf(request),
        ifMatch(request, workspaceRecordOf),
      )
      return changed === undefined ? refuse(reply, 'NOT_FOUND') : sendTagged(reply, workspaceRecordOf(changed))
    },
  )

  app.delete(
    '/organizations/:organization_id/workspaces/:workspace_id',
    {
      config: { exists },
      schema: {
        operationId: 'deleteWorkspace',
        tags,
        params,
        response: { ...refusals, 204: z.null().describe('Gone, with every grant of it.') },
      },
    },
    async (request, reply) => {
      const { organizationId, id } = workspaceOf(request)
      await store.deleteWorkspace(organizationId, id, actorOf(request))
      return reply.code(204).send(null)
    },
  )
}

const found = new WeakMap<FastifyRequest, Workspace>()

/** For `config.exists`: by its id alone, since an external id can pass from one workspace to another. */
export const workspaceExists = (store: Pick<Store, 'findWorkspace'>) => async (request: FastifyRequest) => {
  const { workspace_id: id } = request.params as { workspace_id: string }
  const one = await store.findWorkspace(organizationOf(request).id, id)
  if (one?.id !== id) return false
  found.set(request, one)
  return true
}

/** The workspace of the path. */
export function workspaceOf(request: FastifyRequest): Workspace {
  const one = found.get(request)
  if (one === undefined) throw new Error('this route does not look for the workspace in its path')
  return one
}
