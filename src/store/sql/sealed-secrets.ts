import type { SecretOwner } from '../sealed-secrets-store.ts'
import type { NewSecret, Store } from '../store.ts'
import type { Reader, SqlEngine, Writer } from './engine.ts'
import { isLive, keyRow } from './key-record.ts'

export type SealedSecretMethods = Pick<
  Store,
  'findSealedSecret' | 'masterKeysInUse' | 'countSealedWithOther' | 'listSealedWithOther' | 'replaceSealed'
>

export function sealedSecretMethods({ db, read, many, clock }: SqlEngine): SealedSecretMethods {
  const replace = db
    .updateTable('sealed_secrets')
    .set({ sealed: new Uint8Array(), sealed_with: '' })
    .where('secret_id', '=', '')
    .where('sealed', '=', new Uint8Array())
    .compile().sql

  return {
    findSealedSecret: (organizationId, keyId) =>
      read(async (trx) => {
        const key = await keyRow(trx, organizationId, keyId)
        if (!key || !isLive(key, clock.now())) return undefined
        const row = await trx
          .selectFrom('key_secrets')
          .leftJoin('sealed_secrets', 'sealed_secrets.secret_id', 'key_secrets.id')
          .select(['key_secrets.id', 'sealed_secrets.sealed'])
          .where('key_secrets.key_id', '=', keyId)
          .where('key_secrets.ended_at', 'is', null)
          .orderBy('key_secrets.id', 'desc')
          .limit(1)
          .executeTakeFirst()
        return row && { secretId: row.id, keyId, organizationId, sealed: row.sealed }
      }),

    async masterKeysInUse() {
      const rows = await db.selectFrom('sealed_secrets').select('sealed_with').distinct().execute()
      return rows.map(({ sealed_with }) => sealed_with)
    },

    async countSealedWithOther(masterKeyId) {
      const { count } = await sealedWithOther(db, masterKeyId)
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .executeTakeFirstOrThrow()
      return Number(count)
    },

    async listSealedWithOther(masterKeyId, after, limit) {
      const rows = await sealedWithOther(db, masterKeyId)
        .innerJoin('key_secrets', 'key_secrets.id', 'sealed_secrets.secret_id')
        .innerJoin('api_keys', 'api_keys.id', 'key_secrets.key_id')
        .select([
          'sealed_secrets.secret_id',
          'sealed_secrets.sealed',
          'api_keys.id as key_id',
          'api_keys.organization_id',
        ])
        .where('sealed_secrets.secret_id', '>', after ?? '')
        .orderBy('sealed_secrets.secret_id')
        .limit(limit)
        .execute()
      return rows.map(({ secret_id, sealed, key_id, organization_id }) => ({
        id: secret_id,
        owner: { kind: 'api_key', secretId: secret_id, keyId: key_id, organizationId: organization_id },
        sealed,
      }))
    },

    async replaceSealed(rows) {
      if (rows.length === 0) return
      await many(
        replace,
        rows.map(({ id, sealed, sealedWith, previous }) => [sealed, sealedWith, id, previous]),
      )
    },
  }
}

/** Keeps the encrypted copy of a new secret, where its maker wants one. */
export async function insertSealed(trx: Writer, { seal }: NewSecret, owner: SecretOwner): Promise<void> {
  if (seal === undefined) return
  const { sealed, sealedWith } = seal(owner)
  await trx
    .insertInto('sealed_secrets')
    .values({ secret_id: owner.secretId, sealed, sealed_with: sealedWith })
    .execute()
}

/** A secret that is replaced or revoked is never shown again, and what nobody may read is not kept. */
export async function dropSealed(trx: Writer, keyId: string): Promise<void> {
  const secrets = trx.selectFrom('key_secrets').select('id').where('key_id', '=', keyId)
  await trx.deleteFrom('sealed_secrets').where('secret_id', 'in', secrets).execute()
}

const sealedWithOther = (db: Reader, masterKeyId: string) =>
  db.selectFrom('sealed_secrets').where('sealed_secrets.sealed_with', '!=', masterKeyId)
