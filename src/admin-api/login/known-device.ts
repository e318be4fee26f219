import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

/**
 * A cookie that says: this browser has logged in to this account before. Signed with the stored hash of the password, so
 * that it needs no table, belongs to one account and ends when the password changes. It opens nothing; see throttle.ts.
 */
export function newDevice(passwordHash: string): string {
  const nonce = randomBytes(16).toString('base64url')
  return `${nonce}.${sign(nonce, passwordHash)}`
}

/** @returns the name of the browser when the cookie was made for this account. */
export function knownDevice(cookie: string | undefined, passwordHash: string | null | undefined): string | undefined {
  const [, nonce, mac] = /^([\w-]{22})\.([\w-]{43})$/.exec(cookie ?? '') ?? []
  if (nonce === undefined || mac === undefined || !passwordHash) return undefined
  return timingSafeEqual(Buffer.from(sign(nonce, passwordHash)), Buffer.from(mac)) ? nonce : undefined
}

const sign = (nonce: string, passwordHash: string): string =>
  createHmac('sha256', passwordHash).update(`sallyport known device ${nonce}`).digest('base64url')
