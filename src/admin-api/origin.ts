import type { FastifyRequest } from 'fastify'

/**
 * Whether a request comes from a page of our own, or from no page at all. Asked of everything unsafe that a cookie
 * vouches for, and of log-in itself (a forged log-in would put somebody else's account into a browser).
 */
export function isOwnOrigin({ method, headers }: FastifyRequest): boolean {
  if (method === 'GET' || method === 'HEAD') return true
  const site = headers['sec-fetch-site']
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return false
  // Browsers send it with everything unsafe; a client that is none has no cookie that it does not mean to send.
  if (headers.origin === undefined) return true
  // To the letter: `null`, which sandboxed pages send, and two origins in one header are not ours.
  return headers.origin === `http://${headers.host}` || headers.origin === `https://${headers.host}`
}
