import { isIP } from 'node:net'
import { z } from 'zod'
import { isCidr } from './cidr.ts'
import { parseDuration } from './duration.ts'
import { notRedisUrl, parseRedisUrl } from './redis-url.ts'

/**
 * The kinds of single values in gateway.yaml. Each has one complaint that goes on from what was found, also where the
 * YAML type is wrong: `8080` → "is not an address; …". `title` is the name of the kind in the reference.
 */

/** Text of a certain form. `complaint` must tell what to write instead. */
export const text = (title: string, form: RegExp, complaint: string) =>
  z.string(complaint).regex(form, { error: complaint, abort: true }).meta({ title })

/** @param names What is meant, for texts of any form: `a file name`. */
export const anyText = (names: string) => z.string(`must be text: ${names}`).meta({ title: 'text' })

export const whole = (min: number, max: number) => {
  const complaint = `must be a whole number from ${min} to ${max}`
  return z.int(complaint).min(min, complaint).max(max, complaint).meta({ title: 'number' })
}

export const yesOrNo = () => z.boolean('must be true or false, without quotes').meta({ title: 'true or false' })

/** Something that is said by its presence: `deny: true`. */
export const onlyTrue = () =>
  z.literal(true, 'must be true; for the opposite leave the line out').meta({ title: 'true' })

const durationText = () =>
  text('duration', /^\d{1,9}(ms|s|m|h|d)$/, 'is not a duration; write a number and a unit: 500ms, 30s, 5m, 1h or 30d')

const day = 86_400_000

/** `500ms`, `30s`, `5m`, `1h`, `30d` → milliseconds. */
export const duration = () =>
  durationText()
    .transform((written) => parseDuration(written) ?? Number.NaN)
    .refine((ms) => ms <= 3650 * day, 'is too long; 3650d is the most')

export const positiveDuration = () => duration().refine((ms) => ms > 0, 'must be longer than 0')

/** Something that a timer waits for: one set to more than 2³¹ ms, some 24.8 days, would go off at once. */
export const wait = () => duration().refine((ms) => ms <= 24 * day, 'is too long to wait; 24d is the most')

export const positiveWait = () => wait().refine((ms) => ms > 0, 'must be longer than 0')

const sizeUnits: Readonly<Record<string, number>> = { b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3 }

/** `64kb`, `10mb`, `1gb` → bytes. */
export const size = () =>
  text(
    'size',
    /^\d{1,9}([kKmMgG]?[bB])$/,
    'is not a size; write a number and a unit: 512b, 64kb, 10mb or 1gb',
  ).transform(
    (written) => Number.parseInt(written, 10) * (sizeUnits[written.replace(/^\d+/, '').toLowerCase()] ?? Number.NaN),
  )

/** `127.0.0.1:8080`, `[::1]:8080`, `:8080` (every interface), port 0 for any free one. */
export const address = () =>
  text(
    'address',
    /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]*):\d{1,5}$/,
    'is not an address; write host:port, for example 127.0.0.1:8080',
  )
    .transform((written) => {
      const colon = written.lastIndexOf(':')
      return {
        host: written.slice(0, colon).replace(/^\[|\]$/g, '') || '0.0.0.0',
        port: Number(written.slice(colon + 1)),
      }
    })
    .refine(({ port }) => port <= 65535, 'has a port above 65535')

const notCidr = 'is not an address or CIDR; write for example 10.0.0.0/8, 203.0.113.7 or 2001:db8::/32'
export const cidr = () => z.string(notCidr).refine(isCidr, notCidr).meta({ title: 'CIDR' })

const notIp = 'is not an address; write for example 203.0.113.7 or 2001:db8::7'
export const ip = () =>
  z
    .string(notIp)
    .refine((written) => isIP(written) !== 0, notIp)
    .meta({ title: 'IP address' })

export const headerName = () =>
  text('header name', /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$/, 'is not a header name; write for example X-Org-Id')

/** Empty for none. */
export const redisUrl = () =>
  z
    .string(notRedisUrl)
    .superRefine((written, context) => {
      const parsed = written === '' ? undefined : parseRedisUrl(written)
      if (typeof parsed === 'string') context.addIssue({ code: 'custom', message: parsed })
    })
    .meta({ title: 'Redis URL' })

/** The name of something that the file declares: a limit, an upstream. */
export const name = (what: string) =>
  text(
    `${what} name`,
    /^[a-z][a-z0-9_-]{0,62}$/,
    `is not a valid ${what} name; use lower-case letters, digits, - and _, starting with a letter`,
  )

const scopeForm = /^[A-Za-z0-9][A-Za-z0-9_.-]*(:[A-Za-z0-9][A-Za-z0-9_.-]*)*$/

/** `projects:read`: parts of letters, digits, `_`, `.`, `-`, joined by colons. */
export const scopeName = () => text('scope', scopeForm, 'is not a scope name; write for example projects:read')

/** What a route may ask for: one name, never a wildcard. */
export const routeScope = () =>
  text(
    'scope',
    scopeForm,
    'is not a scope that a route can ask for; name declared ones each by itself, or leave the key out to admit every valid key',
  )

/** A declared name, `*` or `x:*`. */
export const grantableScope = () =>
  text(
    'scope',
    /^(\*|[A-Za-z0-9][A-Za-z0-9_.-]*(:[A-Za-z0-9][A-Za-z0-9_.-]*)*(:\*)?)$/,
    'is not a scope; write a declared name, * or for example projects:*',
  )

export const origin = () =>
  text(
    'origin',
    /^(\*|https?:\/\/[^/*?#\s]+)$/,
    'is not an origin; write for example https://app.example.com, or "*" for any',
  )

export const absolutePath = () => text('path', /^\//, 'must start with /')

// biome-ignore format: one line each would hide that this is a plain list
const methods = [
  'GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'PROPPATCH', 'MKCOL', 'COPY', 'MOVE', 'LOCK',
  'UNLOCK', 'REPORT', 'SEARCH', 'QUERY', 'PURGE', 'LINK', 'UNLINK', 'MKCALENDAR', 'ACL', 'BIND', 'REBIND', 'UNBIND',
  'CHECKOUT', 'MERGE', 'MKACTIVITY', 'M-SEARCH', 'NOTIFY', 'SUBSCRIBE', 'UNSUBSCRIBE',
] as const
export const method = () => z.enum(methods).meta({ title: 'method' })

export const list = <T extends z.ZodType>(of: T) => z.array(of, 'must be a list')
export const nonEmptyList = <T extends z.ZodType>(of: T) => list(of).min(1, 'is empty; name at least one')
