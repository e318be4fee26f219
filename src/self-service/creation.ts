import { z } from 'zod'
import { parseDuration } from '../config/duration.ts'
import { keysManage } from '../config/grantable.ts'
import type { ErrorCode } from '../errors.ts'
import type { KeyRequest, KeyRules } from '../keys/create.ts'
import { isGrantable } from '../keys/scopes.ts'
import { schemaWords } from '../schema-words.ts'
import type { KeyRecord } from '../store/store.ts'
import type { Rights } from './beyond.ts'
import { parseStrictJson } from './strict-json.ts'

const texts = z.array(z.string().max(200)).max(100)

/** The body of a creation. `name` is all that is needed; what is left out is as the creator has it. */
const creation = z.strictObject({
  name: z.string().trim().min(1).max(200),
  description: z.string().max(1000).optional(),
  scopes: texts.optional(),
  expiresInDays: z.int().min(1).max(3650).nullable().optional(),
  projectId: z.string().max(200).optional(),
  workspaceIds: texts.optional(),
  allowedIps: texts.optional(),
  rateLimit: z
    .strictObject({
      requests: z.int().min(1).max(1_000_000_000),
      per: z
        .string()
        .refine((text) => parseDuration(text) !== undefined, 'is not a duration; write for example 30s, 1m, 1h or 30d'),
    })
    .nullable()
    .optional(),
})

export type Creation = z.output<typeof creation>

/** @param headers flat. @param containsKey of the key formats: a raw key in a name would end in the store. */
export function readCreation(
  bytes: Uint8Array,
  headers: readonly string[],
  containsKey: (text: string) => boolean,
): Creation | { readonly refused: ErrorCode; readonly detail?: string } {
  if (!isJson(headers)) return { refused: 'UNSUPPORTED_MEDIA_TYPE' }
  const parsed = parseStrictJson(bytes)
  if ('complaint' in parsed) return { refused: 'BAD_REQUEST', detail: `The body ${parsed.complaint}.` }
  if (containsKey(JSON.stringify(parsed.value))) {
    return { refused: 'VALIDATION_FAILED', detail: 'The body holds something that looks like a key; leave it out.' }
  }
  const { data, error } = creation.safeParse(parsed.value, { error: schemaWords })
  if (data !== undefined) return data
  const complaints = error.issues.slice(0, 10).map(({ path, message }) => {
    return `${path.length === 0 ? 'The body' : path.map(String).join('.')} ${message}`
  })
  return { refused: 'VALIDATION_FAILED', detail: `${complaints.join('; ').slice(0, 2000)}.` }
}

/** Left out is taken for JSON; two of them could be read as one or the other. */
function isJson(headers: readonly string[]): boolean {
  const types = headers.filter((_, index) => index % 2 === 1 && headers[index - 1]?.toLowerCase() === 'content-type')
  return types.length === 0 || (types.length === 1 && /^application\/json\s*(;|$)/i.test(types[0] ?? ''))
}

/** A creation in the words of createKey, and what the new key could do. */
export interface Wanted {
  readonly request: KeyRequest
  readonly rights: Rights
}

/** @returns undefined where it names a workspace that the creator does not reach; whether there is one is never said. */
export function wantedBy(creator: KeyRecord, body: Creation, rules: KeyRules, now: number): Wanted | undefined {
  const days = body.expiresInDays
  const expiresAt = days === undefined ? creator.expiresAt : days === null ? null : now + days * dayMs
  const projectId = body.projectId ?? creator.projectId ?? undefined
  const ids = body.workspaceIds ?? (projectId === undefined ? creator.workspaces.map(({ id }) => id) : [])
  const workspaces = [...ids, ...(projectId === undefined ? [] : [projectId])].map((wanted) =>
    creator.workspaces.find(({ id, externalId }) => id === wanted || externalId === wanted),
  )
  const reached = workspaces.filter((workspace) => workspace !== undefined)
  if (reached.length < workspaces.length) return undefined

  const { rateLimit: limit } = body
  const rateLimit =
    limit === undefined
      ? creator.rateLimit
      : limit && { requests: limit.requests, perMs: parseDuration(limit.per) ?? Number.NaN }
  const scopes = body.scopes ?? inherited(creator.scopes, rules)
  const allowedIps = body.allowedIps ?? creator.allowedIps
  const { environment, serviceAccountId } = creator
  return {
    request: {
      ...{ name: body.name, scopes, expiresAt, workspaceIds: ids, allowedIps, rateLimit },
      ...(body.description !== undefined && { description: body.description }),
      ...(environment !== null && { environment }),
      ...(projectId !== undefined && { projectId }),
      // An account that is made inactive takes the keys along that its keys have made.
      ...(serviceAccountId !== null && { serviceAccountId }),
    },
    rights: {
      environment,
      scopes,
      expiresAt,
      projectId: projectId ?? null,
      workspaces: reached,
      allowedIps,
      rateLimit,
    },
  }
}

/**
 * Managing keys is passed on only by its name, unless the file gives it to every key. What is not declared any more gives
 * nothing, and nobody can ask for it.
 */
const inherited = (scopes: readonly string[], { scopes: declared, defaultScopes }: KeyRules): readonly string[] =>
  scopes.filter((scope) => isGrantable(scope, declared) && (scope !== keysManage || defaultScopes.includes(keysManage)))

const dayMs = 86_400_000
