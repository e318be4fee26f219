import type { FastifyReply, FastifyRequest } from 'fastify'
import { sessionMaxMs } from './authenticate.ts'

/**
 * Cookies of the admin plane. On TLS with the `__Host-` prefix: no other host of the same site, and no page without TLS,
 * can set or read one.
 */
export type CookieName = 'session' | 'device' | 'oidc'

/** @returns the value that came, whichever way the connection is made. */
export function readCookie({ cookies }: FastifyRequest, name: CookieName): string | undefined {
  return cookies[names[name].tls] ?? cookies[names[name].plain]
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
 * Whether the browser speaks TLS, be it with a proxy in front. The Origin of a page is believed: who lies about it gets
 * a cookie that does not come back.
 */
function isTls(request: FastifyRequest): boolean {
  return request.protocol === 'https' || request.headers.origin?.startsWith('https://') === true
}
