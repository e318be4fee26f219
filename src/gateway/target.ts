import type { ErrorCode } from '../errors.ts'
import { canonicalPath } from '../path.ts'

/** A request target in origin form: the canonical path, and the query as sent, `?` included ('' when there is none). */
export interface Target {
  readonly path: string
  readonly query: string
}

/**
 * Reads the request target (RFC 9112 section 3.2). Absolute form must name the same host as Host and goes on in origin form.
 * @returns the target, or the code to refuse with.
 */
export function readTarget(target: string, host: string | undefined): Target | ErrorCode {
  let origin = target
  if (target.charCodeAt(0) !== 47 /* / */) {
    const absolute = /^https?:\/\/([^/?#]*)(.*)$/is.exec(target)
    if (absolute === null || absolute[1]?.toLowerCase() !== host) return 'BAD_REQUEST_TARGET'
    origin = absolute[2] as string
    if (origin.charCodeAt(0) !== 47) origin = `/${origin}`
  }
  const question = origin.indexOf('?')
  const path = canonicalPath(question === -1 ? origin : origin.slice(0, question))
  const query = question === -1 ? '' : origin.slice(question)
  // Fragments are never sent by a client that means well; what follows `#` is read by some servers and not by others.
  if (path === undefined || unsafeQuery.test(query)) return 'BAD_REQUEST_TARGET'
  return { path, query }
}

/** Controls, spaces, raw non-ASCII and `#`; what else stands in a query is the API's own affair. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it looks for
const unsafeQuery = /[\x00-\x20#\x7f-\uffff]/
