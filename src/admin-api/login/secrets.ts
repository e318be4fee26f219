import { hash, randomBytes } from 'node:crypto'
import { Secret } from '../../keys/secret.ts'

/** A random text that opens something, and what the store keeps of it. */
export interface FreshToken {
  readonly secret: Secret
  readonly sha256: Buffer
  /** Last 4 characters. */
  readonly suffix: string
}

/** 256 random bits. @param prefix tells a reader, and a scanner of leaked secrets, what it found: `spat_`. */
export function newToken(prefix: string): FreshToken {
  const text = prefix + randomBytes(32).toString('base64url')
  return { secret: new Secret(text), sha256: tokenHash(text), suffix: text.slice(-4) }
}

export const tokenHash = (text: string): Buffer => hash('sha256', text, 'buffer')

export const personalTokenPrefix = 'spat_'
