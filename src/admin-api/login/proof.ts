import type { FastifyReply } from 'fastify'
import type { AdminPrincipal } from '../principal.ts'
import { refuse } from '../refusals.ts'

/**
 * A cookie that is stolen, or in a browser that its owner has left, must not become something that lasts longer than it.
 * So a session may make credentials and hand out roles for ten minutes after a log-in, and then asks for another one. A
 * log-in replaces the session, and with it the cookie: who had a copy of the old one is not let in by the proof.
 * Tokens are not asked: nobody sends one unawares, and scripts have nothing else to show.
 */
export function isProven({ via, provedAt }: AdminPrincipal, now: number): boolean {
  return via !== 'session' || (provedAt !== null && now < provedUntil(provedAt))
}

export const provedUntil = (provedAt: number): number => provedAt + proofMs

export function refuseUnproven(reply: FastifyReply, { operator }: AdminPrincipal): FastifyReply {
  return refuse(reply, 'FORBIDDEN', {
    detail: operator?.hasPassword ? byPassword : byProvider,
    proof_required: true,
  })
}

/** Seconds, as OpenID Connect counts them: how long ago the provider may have asked who it is. */
export const proofSeconds = 600
const proofMs = proofSeconds * 1000

const again = 'For this your session must be of a log-in in the last ten minutes.'
const byPassword = `${again} Log in again with POST /platform/sessions, then repeat the request.`
const byProvider = `${again} Log in again at GET /platform/auth/oidc?prompt=login, then repeat the request.`
