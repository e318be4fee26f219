import { createCipheriv, createDecipheriv, hash, hkdfSync, randomBytes } from 'node:crypto'

/**
 * Encrypts small secrets for the store: AES-256-GCM with a fresh nonce for each. `context` is authenticated along with
 * it: say whose secret it is (`secretContext`), and a ciphertext that is moved to another row does not open there.
 */
export interface SecretBox {
  /** Id of the master key that `seal` uses: 16 hexadecimal letters, derived by hash. */
  readonly masterKeyId: string
  /** Ids of all that `open` knows, the current one first. */
  readonly masterKeyIds: readonly string[]
  seal(plain: Uint8Array, context: string): Buffer
  /** @throws SealBroken when its master key is not here, when it was changed, or when it was sealed for another context. */
  open(sealed: Uint8Array, context: string): Buffer
  /** A box of its own for another purpose, its keys derived from the master keys and `salt` (HKDF, RFC 5869). */
  derive(purpose: string, salt: string): SecretBox
  /** 32 bytes for a purpose that is not encryption, derived from each master key, the current one first. */
  deriveBytes(purpose: string): readonly Uint8Array[]
}

/** A ciphertext can't be opened. The message says what to do and holds nothing of it. */
export class SealBroken extends Error {
  override readonly name = 'SealBroken'
}

/** 32 bytes, and the id that ciphertexts name them by. */
export interface MasterKey {
  readonly id: string
  readonly bytes: Uint8Array
}

/** @param bytes 32 of them. */
export const masterKey = (bytes: Uint8Array): MasterKey => {
  if (bytes.length !== keyLength) throw new Error(`a master key has ${keyLength} bytes, not ${bytes.length}`)
  // Of a random key 64 bits of a hash tell nothing; the prefix keeps it apart from every other use of the same hash.
  const id = hash('sha256', Buffer.concat([Buffer.from('sallyport master key id\0'), bytes])).slice(0, idLength * 2)
  return { id, bytes: Uint8Array.from(bytes) }
}

/** What a key's ciphertext is bound to. The ids hold no `/`. */
export const secretContext = (ids: { secretId: string; keyId: string; organizationId: string }): string =>
  `api-key-secret/${ids.secretId}/${ids.keyId}/${ids.organizationId}`

/** The same for a webhook's. */
export const webhookSecretContext = (ids: { secretId: string; webhookId: string; organizationId: string }): string =>
  `webhook-secret/${ids.secretId}/${ids.webhookId}/${ids.organizationId}`

/** @param retired still open what they have sealed. */
export function createSecretBox(current: MasterKey, retired: readonly MasterKey[] = []): SecretBox {
  return boxOf(current, [current, ...retired], 'secrets', '')
}

/** @returns the id of the master key that a ciphertext was sealed with. */
export const sealedWith = (sealed: Uint8Array): string => Buffer.from(sealed.subarray(1, 1 + idLength)).toString('hex')

function boxOf(current: MasterKey, all: readonly MasterKey[], purpose: string, salt: string): SecretBox {
  const keys = new Map<string, Uint8Array>()
  for (const { id, bytes } of all) {
    keys.set(id, new Uint8Array(hkdfSync('sha256', bytes, salt, `sallyport/${purpose}/v1`, keyLength)))
  }
  const keyOf = (id: string): Uint8Array => {
    const key = keys.get(id)
    if (key !== undefined) return key
    throw new SealBroken(
      `it was encrypted with the master key ${id}, which is not here. Add that key to SALLYPORT_MASTER_KEY_OLD`,
    )
  }

  return {
    masterKeyId: current.id,
    masterKeyIds: [...keys.keys()],
    seal(plain, context) {
      const head = Buffer.concat([Buffer.of(version), Buffer.from(current.id, 'hex'), randomBytes(nonceLength)])
      const cipher = createCipheriv(algorithm, keyOf(current.id), head.subarray(1 + idLength))
      cipher.setAAD(authenticated(head, context))
      return Buffer.concat([head, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
    },
    open(sealed, context) {
      if (sealed.length < headLength + tagLength || sealed[0] !== version) throw new SealBroken(damaged)
      const head = sealed.subarray(0, headLength)
      const decipher = createDecipheriv(algorithm, keyOf(sealedWith(sealed)), head.subarray(1 + idLength), {
        authTagLength: tagLength,
      })
      decipher.setAAD(authenticated(head, context))
      decipher.setAuthTag(sealed.subarray(-tagLength))
      try {
        return Buffer.concat([decipher.update(sealed.subarray(headLength, -tagLength)), decipher.final()])
      } catch {
        throw new SealBroken(damaged)
      }
    },
    deriveBytes: (nextPurpose) =>
      all.map(
        ({ bytes }) =>
          new Uint8Array(hkdfSync('sha256', bytes, '', `sallyport/${purpose}/${nextPurpose}/v1`, keyLength)),
      ),
    derive: (nextPurpose, nextSalt) => boxOf(current, all, `${purpose}/${nextPurpose}`, nextSalt),
  }
}

/** The head has a fixed length, so that no two pairs of head and context make the same bytes. */
const authenticated = (head: Uint8Array, context: string): Buffer => Buffer.concat([head, Buffer.from(context)])

// version, id of the master key, nonce | ciphertext | tag
const version = 1
const algorithm = 'aes-256-gcm'
const keyLength = 32
const idLength = 8
/** 96 bits, NIST SP 800-38D section 8.2.2: random ones are safe for 2^32 messages under one key. */
const nonceLength = 12
const tagLength = 16
const headLength = 1 + idLength + nonceLength
const damaged = 'it was changed, or belongs to another row. Put a backup of the store in place'
