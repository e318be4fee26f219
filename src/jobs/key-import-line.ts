import { z } from 'zod'
import { parseDuration } from '../config/duration.ts'
import type { KeyFormats } from '../keys/format.ts'
import { schemaWords } from '../schema-words.ts'

/** What is wrong with a line. Never holds a value of it: that could be a key in the wrong column. */
export interface LineProblem {
  readonly path: string
  readonly message: string
}

const line = z.int().min(1)
const words = z.array(z.string().min(1).max(200)).max(100)
const sha256 = z
  .string()
  .regex(/^(?:[0-9A-Fa-f]{64}|[A-Za-z0-9+/_-]{43}=?)$/, 'must be a SHA-256 in 64 hexadecimal letters or in base64')
  .transform((text) => Buffer.from(text, text.length === 64 ? 'hex' : 'base64').toString('hex'))
const visible = (max: number) =>
  z.string().regex(new RegExp(`^[\\x21-\\x7e]{1,${max}}$`), `must be 1 to ${max} characters`)

const fields = {
  name: z.string(),
  description: z.string().optional(),
  environment: z.string().optional(),
  scopes: words.optional(),
  expires_in_days: z.int().min(1).max(3650).nullable().optional(),
  expires_at: z.iso.datetime({ offset: true }).nullable().optional(),
  project_id: z.string().min(1).max(200).nullable().optional(),
  workspace_ids: words.optional(),
  allowed_ips: words.optional(),
  rate_limit: z
    .strictObject({
      requests: z.int(),
      per: z.string().refine((text) => parseDuration(text) !== undefined, 'is not a duration'),
    })
    .nullable()
    .optional(),
  service_account_id: z.string().min(1).max(200).nullable().optional(),
  metadata: z.record(z.string(), z.json()).optional(),
}

/** One line as people write it. */
const written = z
  .strictObject({
    ...fields,
    raw_key: z.string().max(256).optional(),
    sha256: sha256.optional(),
    key_prefix: visible(12).optional(),
    key_suffix: visible(4).optional(),
  })
  .refine((value) => value.raw_key === undefined || value.sha256 === undefined, {
    path: ['raw_key'],
    message: 'must be left out when sha256 is given',
  })
  .refine((value) => value.sha256 === undefined || value.key_prefix !== undefined, {
    path: ['key_prefix'],
    message: 'must be given with sha256: the first characters of the key, at most 12',
  })
  .refine((value) => value.sha256 !== undefined || (value.key_prefix ?? value.key_suffix) === undefined, {
    path: ['sha256'],
    message: 'must be given with key_prefix and key_suffix',
  })

/** One line as it waits for the job: raw keys have become hashes, and what can't be read has become a problem. */
export const importLine = z.union([
  z.object({ line, problems: z.array(z.object({ path: z.string(), message: z.string() })) }),
  z.object({
    line,
    // To walk through it again takes long for what somebody has made for the purpose.
    key: z.object({ ...fields, metadata: z.record(z.string(), z.unknown()).optional() }),
    secret: z.object({ sha256: z.string(), key_prefix: z.string(), key_suffix: z.string() }).nullable(),
  }),
])
export type ImportLine = z.output<typeof importLine>

/** The columns that a CSV may have. */
export const importColumns: readonly string[] = Object.keys(written.shape)

/** Brings one line into the form in which it is kept. Nothing of a raw key is in what comes back but its hash and ends. */
export function toImportLine(
  number: number,
  value: unknown,
  formats: Pick<KeyFormats, 'parse' | 'containsKey'>,
): ImportLine {
  const parsed = written.safeParse(value, { error: schemaWords })
  if (!parsed.success) return { line: number, problems: parsed.error.issues.slice(0, 10).map(problemOf) }
  const { raw_key, sha256, key_prefix, key_suffix, ...key } = parsed.data
  const wrong = (path: string, message: string): ImportLine => ({ line: number, problems: [{ path, message }] })
  for (const [name, text] of Object.entries(key)) {
    if (formats.containsKey(JSON.stringify(text))) {
      return wrong(name, 'holds something shaped like a key; only raw_key may')
    }
  }
  if (raw_key !== undefined) {
    const secret = formats.parse(raw_key)
    if (secret === undefined)
      return wrong('raw_key', 'is of no format that this gateway accepts; add it under keys.accept')
    const ends = { key_prefix: raw_key.slice(0, 12), key_suffix: raw_key.slice(-4) }
    return { line: number, key, secret: { sha256: secret.sha256().toString('hex'), ...ends } }
  }
  if (sha256 === undefined || key_prefix === undefined) return { line: number, key, secret: null }
  return { line: number, key, secret: { sha256, key_prefix, key_suffix: key_suffix ?? '' } }
}

/** Messages of the schema say what is allowed; names of unknown fields are left out, they come from the line. */
function problemOf({ path, message, code }: z.core.$ZodIssue): LineProblem {
  if (code === 'unrecognized_keys') {
    return { path: '', message: `has unknown fields; known are: ${importColumns.join(', ')}` }
  }
  return { path: path.map(String).slice(0, 1).join(''), message }
}
