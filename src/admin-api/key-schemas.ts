import type { FastifyReply } from 'fastify'
import { z } from 'zod'
import type { FieldProblem } from '../keys/create.ts'
import type { ApiKey } from '../store/store.ts'
import { nullInRepeat } from './kept-secrets.ts'
import type { Refusal } from './make-once.ts'
import { apiKeyRecord } from './records.ts'
import { refuse } from './refusals.ts'
import { metadata, optionalTime, organizationParams, rateLimit, time } from './schemas.ts'

/** Shapes that the routes of API keys share. */
export const keyParams = organizationParams.extend({ key_id: z.string() })

const secret = z.object({
  id: z.string(),
  key_prefix: z.string(),
  key_suffix: z.string(),
  created_at: time,
  expires_at: optionalTime.describe('End of the grace period; null for the newest one.'),
  last_used_at: optionalTime,
})

export const apiKey = z
  .object({
    id: z.string(),
    name: z.string(),
    description: z.string(),
    organization_id: z.string(),
    project_id: z.string().nullable(),
    environment: z.string().nullable(),
    scopes: z.array(z.string()),
    key_prefix: z.string().describe('The first 12 characters of the newest secret.'),
    key_suffix: z.string().describe('Its last 4.'),
    status: z.enum(['active', 'expired', 'revoked']),
    is_active: z.boolean(),
    workspaces_total: z.int(),
    workspaces_preview: z.array(z.object({ id: z.string(), external_id: z.string().nullable() })),
    service_account_id: z.string().nullable(),
    allowed_ips: z.array(z.string()),
    rate_limit: rateLimit.nullable(),
    metadata,
    system: z.boolean(),
    last_used_at: optionalTime,
    expires_at: optionalTime,
    revoked_at: optionalTime,
    revoked_reason: z.string().nullable(),
    created_by: z.string().nullable(),
    created_at: time,
    updated_at: time,
    secrets: z.array(secret),
  })
  .meta({ id: 'ApiKeyRecord' })

export const createdKey = z
  .object({
    key: apiKey,
    raw_key: z
      .string()
      .nullable()
      .describe(`The whole key. ${nullInRepeat('the key was rotated or revoked')}`),
  })
  .meta({ id: 'ApiKeyCreatedResponse' })

export const keyRecordOf = (key: ApiKey, now: number) => apiKeyRecord(key, now) as z.input<typeof apiKey>

/**
 * What the tag of a key stands for: what people set. A key in use changes its `last_used_at` by the second, and one that
 * expires changes its status; neither may make an edit of its name fail.
 */
export const taggedKey = ({ lastUsedAt: _used, secrets: _secrets, ...key }: ApiKey): object => key

/** Answers the rules that a request for a key breaks. What is not there, or not yours, comes first. */
export function refuseProblems(reply: FastifyReply, problems: readonly FieldProblem[]): FastifyReply {
  const { refuse: code, extras } = refusalOf(problems)
  return refuse(reply, code, extras)
}

/** The same for `makeOnce`. */
export function refusalOf(problems: readonly FieldProblem[]): Refusal {
  const codes = new Set(problems.map(({ code }) => code))
  const errors = problems.map(({ path, message }) => ({ path, message }))
  if (codes.has('NOT_FOUND')) return { refuse: 'NOT_FOUND', extras: { errors } }
  return { refuse: codes.has('VALIDATION_FAILED') ? 'VALIDATION_FAILED' : 'UNKNOWN_SCOPE', extras: { errors } }
}
