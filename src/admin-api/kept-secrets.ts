import { hash, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import { SealBroken, webhookSecretContext } from '../keys/secret-box.ts'
import type { AdminContext } from './context.ts'
import { tokenHash } from './login/secrets.ts'

/** A secret in an answer that may be given again, and how to tell by then that it is still the one in use. */
export interface KeptSecret {
  /** Where it stands in the body. */
  readonly path: readonly string[]
  /** @param body the whole answer. */
  isCurrent(secret: string, body: unknown): Promise<boolean>
}

/** For the schema of a secret. @param when it is not handed out any more. */
export const nullInRepeat = (when: string): string =>
  `Null only in the answer to a repeat (Idempotency-Key) that comes after ${when}.`

/** @returns the body with null in the place of its secret, when that one has ended: it is not handed out again. */
export async function withoutDeadSecret(text: string, { path, isCurrent }: KeptSecret): Promise<string> {
  const body: unknown = JSON.parse(text)
  const secret = valueAt(body, path)
  if (typeof secret !== 'string' || (await isCurrent(secret, body))) return text
  return JSON.stringify(withNull(body, path))
}

/** A raw key. One in its grace period works, but it is no longer the one that the key has. */
export const rawKey = ({ store, clock }: Pick<AdminContext, 'store' | 'clock'>): KeptSecret => ({
  path: ['raw_key'],
  async isCurrent(secret) {
    const record = await store.findKeyByHash(hash('sha256', secret, 'buffer'))
    if (record === undefined || record.revokedAt !== null || record.secretExpiresAt !== null) return false
    return record.expiresAt === null || record.expiresAt > clock.now()
  },
})

/** A personal admin token. */
export const rawToken = ({ store, clock }: Pick<AdminContext, 'store' | 'clock'>): KeptSecret => ({
  path: ['raw_token'],
  async isCurrent(secret) {
    const found = await store.findToken(tokenHash(secret))
    return found !== undefined && (found.token.expiresAt ?? Infinity) > clock.now()
  },
})

/** A link that sets a password, once; the token is behind the #. */
export const oneTimeUrl = (store: AdminContext['store'], ...path: readonly string[]): KeptSecret => ({
  path,
  isCurrent: async (url) => (await store.findLink(tokenHash(url.slice(url.indexOf('#token=') + 7)))) !== undefined,
})

/** `whsec_…`. The one before a rotation signs for a while still, but whoever repeats wants the one to keep. */
export const webhookSecret = ({ store, box }: Pick<AdminContext, 'store' | 'box'>): KeptSecret => ({
  path: ['secret'],
  async isCurrent(secret, body) {
    const { id, organization_id: organizationId } = webhook.parse(body)
    const found = await store.findWebhookSecret(organizationId, id)
    if (found === undefined) return false
    const { sealed, ...owner } = found
    try {
      const current = Buffer.from(`whsec_${box.open(sealed, webhookSecretContext(owner)).toString('base64')}`)
      const given = Buffer.from(secret)
      return current.length === given.length && timingSafeEqual(current, given)
    } catch (error) {
      if (error instanceof SealBroken) return false
      throw error
    }
  },
})
const webhook = z.looseObject({ id: z.string(), organization_id: z.string() })

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

const valueAt = (body: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>((value, name) => (isObject(value) ? value[name] : undefined), body)

function withNull(body: unknown, [name, ...rest]: readonly string[]): unknown {
  if (name === undefined || !isObject(body)) return null
  return { ...body, [name]: withNull(body[name], rest) }
}
