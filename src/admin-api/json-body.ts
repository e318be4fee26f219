import type { FastifyInstance, FastifyRequest } from 'fastify'

/** More than anything that the API takes has, and far from where something that walks through a body runs out of stack. */
const levelsMax = 64

/** A body that is nested deeper than `levelsMax`. */
export class BodyTooDeep extends Error {
  override readonly name = 'BodyTooDeep'
  override readonly message = `must not be nested deeper than ${levelsMax} levels`
}

/** An empty body is none: clients say `application/json` also where they have nothing to send, as on revoke. */
export function jsonOrNothing(app: FastifyInstance) {
  const parse = app.getDefaultJsonParser('error', 'error')
  return (request: FastifyRequest, body: string, done: (error: Error | null, body?: unknown) => void): void => {
    if (body === '') done(null, undefined)
    else if (isTooDeep(body)) done(new BodyTooDeep())
    else void parse(request, body, done)
  }
}

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
