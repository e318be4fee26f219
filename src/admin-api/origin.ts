import type { FastifyRequest } from 'fastify'

/**
 * Whether a request that nothing vouches for comes from a page of our own, or from no page at all. Asked of log-in: a forged
 * one would put somebody else's account into a browser. What is safe may come from anywhere: an identity provider sends
 * browsers back with a link.
 */
export function isOwnOrNoOrigin(request: FastifyRequest): boolean {
  if (isSafe(request)) return true
  if (isForeign(request)) return false
  // A script that logs in has no page.
  return request.headers.origin === undefined || isOurs(request, request.protocol === 'https')
}

/**
 * Whether a request that a cookie vouches for comes from a page of our own. To read is asked for too: a page of another
 * port of this host, whose requests bring the cookie along, has no business with how long an answer takes or how many
 * streams are open.
 * @param onTls whether the cookie is of a page on TLS: then the same host without TLS, which anybody on the way can be, is
 * another.
 */
export function isOwnOrigin(request: FastifyRequest, onTls: boolean): boolean {
  if (isForeign(request)) return false
  const { origin, 'sec-fetch-site': site } = request.headers
  // Browsers send one of them with everything unsafe; a cookie without either is in the hands of who knows what.
  if (origin === undefined) return isSafe(request) || site === 'same-origin'
  return isOurs(request, onTls)
}

const isSafe = ({ method }: FastifyRequest): boolean => method === 'GET' || method === 'HEAD'

/** By the word of the browser; `none` is what somebody typed. */
function isForeign({ headers: { 'sec-fetch-site': site } }: FastifyRequest): boolean {
  return site !== undefined && site !== 'same-origin' && site !== 'none'
}

/** To the letter: `null`, which sandboxed pages send, and two origins in one header are not ours. */
function isOurs({ headers: { origin, host } }: FastifyRequest, onTls: boolean): boolean {
  return origin === `https://${host}` || (!onTls && origin === `http://${host}`)
}
