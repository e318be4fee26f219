import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'

/** More than anything that the API takes has, and far from where something that walks through a body runs out of stack. */
const levelsMax = 64

/** A body that is nested deeper than `levelsMax`. */
export class BodyTooDeep extends Error {
  override readonly name = 'BodyTooDeep'
  override readonly message = `must not be nested deeper than ${levelsMax} levels`
}

/** A body with something shaped like one of our keys: in a name or a reason it would be stored, shown and sent on. */
export class BodyHoldsKey extends Error {
  override readonly name = 'BodyHoldsKey'
  override readonly message = 'holds something that looks like a key; leave it out'
}

/** An empty body is none: clients say `application/json` also where they have nothing to send, as on revoke. */
export function jsonOrNothing(app: FastifyInstance, containsKey: (text: string) => boolean) {
  const parse = app.getDefaultJsonParser('error', 'error')
  return (request: FastifyRequest, body: string, done: (error: Error | null, body?: unknown) => void): void => {
    if (body === '') return done(null, undefined)
    if (isTooDeep(body)) return done(new BodyTooDeep())
    void parse(request, body, (error: Error | null, value?: unknown) => {
      if (error !== null) done(error)
      // Written anew: an escape would hide a key from whoever looks at the text as it came.
      else if (containsKey(JSON.stringify(withoutImport(value)))) done(new BodyHoldsKey())
      else done(null, value)
    })
  }
}

/** Raw keys may come in an import, and are in no line of it but where they belong: `jobs/key-import-line.ts` sees to that. */
function withoutImport(body: unknown): unknown {
  const { success, data } = importOrder.safeParse(body)
  return success ? { ...data, params: { ...data.params, data: null } } : body
}
const importOrder = z.looseObject({ type: z.literal('key_import'), params: z.looseObject({ data: z.string() }) })

/** Looked at as text: to walk through the value is what must not be done with one that is too deep. */
function isTooDeep(text: string): boolean {
  let level = 0
  let inString = false
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at)
    if (inString) {
      if (char === backslash) at++
      else if (char === quote) inString = false
    } else if (char === quote) inString = true
    // `[` and `]` differ from `{` and `}` in one bit.
    else if ((char | 0x20) === openBrace && ++level > levelsMax) return true
    else if ((char | 0x20) === closeBrace) level--
  }
  return false
}

const [quote, backslash, openBrace, closeBrace] = [0x22, 0x5c, 0x7b, 0x7d]
