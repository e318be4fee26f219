import { z } from 'zod'
import { parseDuration } from '../config/duration.ts'
import { isPlainLine, isPlainText } from '../plain-text.ts'
import type { RateLimitSetting } from '../store/store.ts'

/** Shapes that several resources share. Times are ISO 8601 UTC. */
export const notPlain = 'must be well-formed Unicode without control characters'
export const time = z.iso.datetime()
export const optionalTime = time.nullable()

export const name = z.string().trim().min(1).max(200).refine(isPlainLine, notPlain)
export const description = z.string().max(2000).refine(isPlainText, notPlain)
export const reason = z.string().max(500).refine(isPlainText, notPlain)
export const slug = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, 'must be lower-case letters, digits and -')
  .meta({ examples: ['acme-ltd'] })
export const metadata = z
  .record(z.string().min(1).max(64), z.json())
  .refine((value) => JSON.stringify(value).length <= 16_384, 'must be at most 16 kB of JSON')

/** `{ "requests": 100, "per": "1m" }` */
export const rateLimit = z.strictObject({
  requests: z
    .number()
    .int()
    .min(1)
    .max(1_000_000_000)
    .meta({ examples: [100] }),
  per: z
    .string()
    .regex(/^[1-9]\d{0,8}(ms|s|m|h|d)$/, 'is not a duration; write for example 30s, 1m, 1h or 30d')
    .refine((text) => (parseDuration(text) ?? 0) <= 3650 * 86_400_000, 'must be at most 3650d')
    .meta({ examples: ['1m'] }),
})

/** As the store keeps it. */
export const rateLimitSetting = (limit: z.output<typeof rateLimit> | null): RateLimitSetting | null =>
  limit && { requests: limit.requests, perMs: parseDuration(limit.per) ?? 0 }

/** A problem document, RFC 9457. */
export const problemBody = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  detail: z.string(),
  instance: z.string(),
  code: z.string(),
  request_id: z.string(),
  errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
})

/** The refusals that every route of an organization can answer with; add those of its own. */
export const refusals = {
  401: problemBody.describe('No valid credentials.'),
  403: problemBody.describe('The role is too low.'),
  404: problemBody.describe('No such object, or not yours.'),
  503: problemBody.describe('The store does not answer.'),
}
export const bodyRefusals = {
  ...refusals,
  409: problemBody.describe('Conflicts with what is there.'),
  415: problemBody.describe('Not JSON.'),
  422: problemBody.describe('The body is wrong; see errors.'),
}

/**
 * The members that were sent. With exactOptionalPropertyTypes a member that is left out and one that is undefined are two
 * things, and zod gives the second.
 */
export const given = <T extends object>(input: T) =>
  Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>
  }

/** `since` and `until` of a query, where they were sent, as milliseconds. */
export const rangeOf = ({ since, until }: { since?: string | undefined; until?: string | undefined }) =>
  given({ since: timeOf(since), until: timeOf(until) })

const timeOf = (text: string | undefined): number | undefined => (text === undefined ? undefined : Date.parse(text))

export const organizationParams = z.object({ organization_id: z.string() })
