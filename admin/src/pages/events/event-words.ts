import type { Schema } from '../../api/client.ts'
import { jobNames } from '../jobs/job-words.ts'

export type Event = Schema<'EventRecord'>

/** Names by id, as far as they are known. */
export interface Names {
  readonly people: ReadonlyMap<string, string>
  readonly accounts: ReadonlyMap<string, string>
  readonly keys: ReadonlyMap<string, string>
  /** undefined: all events are of one organization. */
  readonly organizations: ReadonlyMap<string, string> | undefined
  readonly myId: string | null
}

/** `api_key.workspace_granted` as words. */
export function eventWords(type: string): string {
  const words = type
    .replaceAll(/[._]/g, ' ')
    .replace(/^api key/, 'API key')
    .replace('oidc', 'single sign-on')
  return words.charAt(0).toUpperCase() + words.slice(1)
}

/** Who did it. */
export function actorText({ type, id }: Event['actor'], { people, accounts, myId }: Names): string {
  if (type === 'cli') return 'the command line'
  if (type === 'system') {
    return id === 'admin_token' ? 'the admin token' : id === 'oidc' ? 'single sign-on' : 'the gateway'
  }
  if (id === null) return type
  if (id === myId) return 'you'
  return people.get(id) ?? accounts.get(id) ?? shortId(id)
}

/** The page where what was changed can be seen; undefined: there is none. */
export function targetLink({ target, organization_id: organizationId }: Event): string | undefined {
  if (target === null) return undefined
  const [kind] = target.split('_')
  if (kind === 'org') return `/o/${target}`
  if (organizationId === null) return kind === 'usr' ? '/operators' : undefined
  const page = {
    key: `keys/${target}`,
    job: `jobs/${target}`,
    wh: `webhooks/${target}`,
    ws: 'workspaces',
    sa: 'service-accounts',
    usr: 'members',
  }[kind ?? '']
  return page === undefined ? undefined : `/o/${organizationId}/${page}`
}

/** What it was called: now, or when it was changed. */
export function targetText({ target, before, after }: Event, { people, accounts, keys, organizations }: Names): string {
  if (target === null) return ''
  const known = people.get(target) ?? accounts.get(target) ?? keys.get(target) ?? organizations?.get(target)
  if (target.startsWith('job_') && isJobType(after?.type)) return jobNames[after.type]
  const said = [after?.name, before?.name, after?.email].find((value) => typeof value === 'string' && value !== '')
  return known ?? (said as string | undefined) ?? shortId(target)
}

const isJobType = (type: unknown): type is keyof typeof jobNames => typeof type === 'string' && type in jobNames

export const shortId = (id: string): string => (id.length <= 16 ? id : `${id.slice(0, 8)}…${id.slice(-4)}`)

export interface Difference {
  readonly field: string
  /** undefined: it was not there. */
  readonly before: unknown
  readonly after: unknown
}

/** Field by field, what was and what is. */
export function differencesOf({ before, after }: Event): Difference[] {
  const fields = new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])
  return [...fields].map((field) => ({ field, before: before?.[field], after: after?.[field] }))
}
