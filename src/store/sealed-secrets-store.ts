/** What the store promises of secrets that are kept encrypted. It never sees one in the clear, nor a master key. */
export interface SealedSecretsStore {
  /**
   * The newest secret of a live key. @returns undefined when there is no such key, or none that is active; `sealed: null`
   * for one that was made without a copy.
   */
  findSealedSecret(organizationId: string, keyId: string): Promise<SealedSecret | undefined>
  /** Ids of the master keys that something in the store is encrypted with. */
  masterKeysInUse(): Promise<string[]>
  /** Ciphertexts of other master keys than this one. */
  countSealedWithOther(masterKeyId: string): Promise<number>
  /** The same, in order of their ids. @param after the id of the last one of the batch before. */
  listSealedWithOther(masterKeyId: string, after: string | null, limit: number): Promise<SealedRow[]>
  /**
   * Puts new ciphertexts in the place of old ones, those of one kind in one transaction. One that has changed or gone
   * since it was read stays as it is. Nothing that a decision depends on changes, hence no event and no change-log row.
   */
  replaceSealed(rows: readonly ResealedRow[]): Promise<void>
}

/** Whose secret it is; its ciphertext is bound to these ids. */
export interface SecretOwner {
  readonly secretId: string
  readonly keyId: string
  readonly organizationId: string
}

interface SealedSecret extends SecretOwner {
  readonly sealed: Uint8Array | null
}

/** A ciphertext and the id of the master key that it was made with. */
export interface Sealed {
  readonly sealed: Uint8Array
  readonly sealedWith: string
}

/** Any ciphertext of the store. */
export interface SealedRow {
  /** Unique over all tables. */
  readonly id: string
  readonly owner: SealedOwner
  readonly sealed: Uint8Array
}

/** What a ciphertext is bound to; one variant for each kind of secret. */
export type SealedOwner =
  | ({ readonly kind: 'api_key' } & SecretOwner)
  | {
      readonly kind: 'webhook'
      readonly secretId: string
      readonly webhookId: string
      readonly organizationId: string
    }

interface ResealedRow extends Sealed {
  readonly id: string
  readonly kind: SealedOwner['kind']
  /** The ciphertext that it was made from. */
  readonly previous: Uint8Array
}
