import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { calculateJwkThumbprint, exportJWK, type JWK, SignJWT } from 'jose'
import type { Clock } from '../clock.ts'
import type { KeyRecord } from '../store/store.ts'
import type { Exchange } from './exchange.ts'

/** The `Sallyport-Context` token: the identity headers as a JWT that an API can check by itself. */
export interface ContextSigner {
  sign(exchange: Exchange, upstream: string): string | Promise<string>
  /** A JSON Web Key Set (RFC 7517). */
  jwks(): { keys: JWK[] }
}

const lifetimeMs = 60_000
/** A token is used again while it has at least this long to live. */
const reusedUntilMs = 30_000
const tokensKeptPerKey = 64

/**
 * @param privateKeys Ed25519. The first one signs; another node may still sign with the others, or has until now: their
 * public halves stay in the set.
 */
export async function createContextSigner(privateKeys: readonly KeyObject[], clock: Clock): Promise<ContextSigner> {
  const [privateKey] = privateKeys
  if (privateKey === undefined) throw new Error('a context is signed with a key')
  const keys = await Promise.all(privateKeys.map(publicJwk))
  const kid = keys[0]?.kid ?? ''
  const made = new WeakMap<KeyRecord, Map<string, { token: string; expiresAt: number }>>()

  const signNew = async (key: KeyRecord, workspace: string | undefined, upstream: string): Promise<string> => {
    const now = clock.now()
    const token = await new SignJWT(claimsOf(key, workspace))
      .setProtectedHeader({ alg: 'EdDSA', typ: 'JWT', kid })
      .setIssuer('sallyport')
      .setSubject(key.keyId)
      .setAudience(upstream)
      .setIssuedAt(Math.floor(now / 1000))
      .setExpirationTime(Math.floor((now + lifetimeMs) / 1000))
      .sign(privateKey)
    const tokens = made.get(key) ?? new Map()
    if (tokens.size >= tokensKeptPerKey) tokens.clear()
    tokens.set(`${upstream} ${workspace ?? ''}`, { token, expiresAt: now + lifetimeMs })
    made.set(key, tokens)
    return token
  }

  return {
    sign({ key, workspace }, upstream) {
      if (key === undefined) throw new Error('only an authenticated request has a context')
      const kept = made.get(key)?.get(`${upstream} ${workspace ?? ''}`)
      if (kept !== undefined && kept.expiresAt - clock.now() > reusedUntilMs) return kept.token
      return signNew(key, workspace, upstream)
    },
    jwks: () => ({ keys }),
  }
}

const claimsOf = (key: KeyRecord, workspace: string | undefined) => ({
  org_id: key.organization.id,
  org_name: key.organization.name,
  key_id: key.keyId,
  key_name: key.name,
  scope: key.scopes.join(' '),
  environment: key.environment,
  ...(workspace === undefined ? {} : { workspace_id: workspace }),
  ...(key.serviceAccountId === null ? {} : { service_account_id: key.serviceAccountId }),
})

async function publicJwk(privateKey: KeyObject): Promise<JWK> {
  const jwk = await exportJWK(createPublicKey(privateKey))
  return { ...jwk, kid: await calculateJwkThumbprint(jwk), alg: 'EdDSA', use: 'sig' }
}

/** A signing key made of 32 secret bytes, the same on every node that has them: an Ed25519 seed (RFC 8032, 8410). */
export const signingKeyFrom = (seed: Uint8Array): KeyObject =>
  createPrivateKey({ key: Buffer.concat([pkcs8OfSeed, seed]), format: 'der', type: 'pkcs8' })

const pkcs8OfSeed = Buffer.from('302e020100300506032b657004220420', 'hex')

/** Reads the signing key (PEM, PKCS #8), or makes one with mode 0600. @throws when the file can be neither read nor made. */
export function openSigningKey(file: string): KeyObject {
  try {
    return createPrivateKey(readFileSync(file))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  const { privateKey } = generateKeyPairSync('ed25519')
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  // `wx`: of two that start at once, the second reads what the first has made.
  try {
    writeFileSync(file, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600, flag: 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  return createPrivateKey(readFileSync(file))
}
