import { hash, timingSafeEqual } from 'node:crypto'
import type { AdminPrincipal } from './principal.ts'

const lengthMin = 32

/**
 * The instance's own token, from SALLYPORT_ADMIN_TOKEN. Held as its hash alone.
 * @throws when it is set and too short to be safe.
 */
export function readAdminToken(text: string | undefined): ((token: string) => AdminPrincipal | undefined) | undefined {
  if (text === undefined || text === '') return undefined
  if (text.length < lengthMin) {
    throw new Error(
      `SALLYPORT_ADMIN_TOKEN has ${text.length} characters; it needs ${lengthMin} or more, for example from: openssl rand -hex 32`,
    )
  }
  const expected = hash('sha256', text, 'buffer')
  return (token) => (timingSafeEqual(hash('sha256', token, 'buffer'), expected) ? root : undefined)
}

const root: AdminPrincipal = {
  actor: { type: 'system', id: 'admin_token' },
  isRoot: true,
  roles: new Map(),
  via: 'admin_token',
  sessionId: null,
  provedAt: null,
  operator: null,
}
