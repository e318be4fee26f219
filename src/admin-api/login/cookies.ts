import type { FastifyReply, FastifyRequest } from 'fastify'
import { sessionMaxMs } from './authenticate.ts'

/**
 * Cookies of the admin plane. On TLS with the `__Host-` prefix: no other host of the same site, and no page without TLS,
 * can set or read one.
 */
export type CookieName = 'session' | 'device' | 'oidc'

/**
 * @returns the value that came; undefined for two that differ under one name: one of them is of somebody who could set a
 * cookie for this host, on another port or for a longer path, and which of them comes first is up to him. On TLS the other
 * name is not looked at: a page without TLS, or another host of the same site, could have put its own session under it into a
 * browser that has none.
 */
export function readCookie(request: FastifyRequest, name: CookieName): string | undefined {
  const { tls, plain } = names[name]
  // Behind a proxy that is not in trust_proxy, links (a log-in by OIDC) come without a sign of TLS and set the other name.
  const [value, other] = isTlsCookie(request, name) ? valuesOf(request, tls) : valuesOf(request, plain)
  return other === undefined ? value : undefined
}

/** Whether what `readCookie` gives was set for TLS alone. */
export const isTlsCookie = (request: FastifyRequest, name: CookieName): boolean =>
  request.protocol === 'https' || valuesOf(request, names[name].tls).length > 0

/** Different ones, as RFC 6265 section 5.4 puts them together; none of ours has an escape or a quote in it. */
function valuesOf({ headers }: FastifyRequest, name: string): string[] {
  const pairs = (headers.cookie ?? '').split(';').map((pair) => pair.replace(/^[\t ]/, ''))
  const values = pairs.filter((pair) => pair.startsWith(`${name}=`)).map((pair) => pair.slice(name.length + 1))
  return [...new Set(values)]
}

export function setCookie(reply: FastifyReply, name: CookieName, value: string): void {
  const secure = isTls(reply.request)
  const { tls, plain, maxAgeSeconds } = names[name]
  reply.setCookie(secure ? tls : plain, value, { ...attributes, secure, maxAge: maxAgeSeconds })
}

/** Under both names: the connection may have changed since. */
export function clearCookie(reply: FastifyReply, name: CookieName): void {
  reply.clearCookie(names[name].plain, attributes)
  if (isTls(reply.request)) reply.clearCookie(names[name].tls, { ...attributes, secure: true })
}

const attributes = { path: '/', httpOnly: true, sameSite: 'lax' } as const

const names: Readonly<Record<CookieName, { tls: string; plain: string; maxAgeSeconds: number }>> = {
  session: { tls: '__Host-sallyport', plain: 'sallyport_session', maxAgeSeconds: sessionMaxMs / 1000 },
  device: { tls: '__Host-sallyport-device', plain: 'sallyport_device', maxAgeSeconds: 365 * 86_400 },
  oidc: { tls: '__Host-sallyport-oidc', plain: 'sallyport_oidc', maxAgeSeconds: 600 },
}

/**
 * Whether the browser speaks TLS, be it with a proxy in front. The Origin of a page of ours is believed: who lies about it
 * gets a cookie that does not come back.
 */
function isTls({ protocol, headers }: FastifyRequest): boolean {
  return protocol === 'https' || headers.origin === `https://${headers.host}`
}
