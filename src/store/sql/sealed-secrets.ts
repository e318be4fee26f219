import { sql } from 'kysely'
import type { SealedRow, SecretOwner } from '../sealed-secrets-store.ts'
import type { NewSecret, Store } from '../store.ts'
import type { Reader, SqlEngine, Writer } from './engine.ts'
import { isLive, keyRow } from './key-record.ts'

export type SealedSecretMethods = Pick<
  Store,
  'findSealedSecret' | 'masterKeysInUse' | 'countSealedWithOther' | 'listSealedWithOther' | 'replaceSealed'
>

export function sealedSecretMethods({ db, read, many, clock }: SqlEngine): SealedSecretMethods {
  const fresh = { sealed: new Uint8Array(), sealed_with: '' }
  const replace = {
    api_key: db.updateTable('sealed_secrets').set(fresh).where('secret_id', '=', '').where('sealed', '=', fresh.sealed),
    webhook: db.updateTable('webhook_secrets').set(fresh).where('id', '=', '').where('sealed', '=', fresh.sealed),
  }

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
      const rows = await db
        .selectFrom('sealed_secrets')
        .select('sealed_with')
        .union(db.selectFrom('webhook_secrets').select('sealed_with'))
        .execute()
      return rows.map(({ sealed_with }) => sealed_with)
    },

    async countSealedWithOther(masterKeyId) {
      const keys = await keySecrets(db, masterKeyId).select(countAll).executeTakeFirstOrThrow()
      const webhooks = await webhookSecrets(db, masterKeyId).select(countAll).executeTakeFirstOrThrow()
      return Number(keys.count) + Number(webhooks.count)
    },

    async listSealedWithOther(masterKeyId, after, limit) {
      const keys = await keySecrets(db, masterKeyId)
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
      const webhooks = await webhookSecrets(db, masterKeyId)
        .select([
          'webhook_secrets.id',
          'webhook_secrets.sealed',
          'webhooks.id as webhook_id',
          'webhooks.organization_id',
        ])
        .where('webhook_secrets.id', '>', after ?? '')
        .orderBy('webhook_secrets.id')
        .limit(limit)
        .execute()
      const rows = [...keys.map(ofKey), ...webhooks.map(ofWebhook)]
      return rows.sort((a, b) => (a.id < b.id ? -1 : 1)).slice(0, limit)
    },

    async replaceSealed(rows) {
      for (const [kind, some] of Map.groupBy(rows, ({ kind }) => kind)) {
        await many(
          replace[kind].compile().sql,
          some.map(({ id, sealed, sealedWith, previous }) => [sealed, sealedWith, id, previous]),
        )
      }
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

const keySecrets = (db: Reader, masterKeyId: string) =>
  db
    .selectFrom('sealed_secrets')
    .innerJoin('key_secrets', 'key_secrets.id', 'sealed_secrets.secret_id')
    .innerJoin('api_keys', 'api_keys.id', 'key_secrets.key_id')
    .where('sealed_secrets.sealed_with', '!=', masterKeyId)

const webhookSecrets = (db: Reader, masterKeyId: string) =>
  db
    .selectFrom('webhook_secrets')
    .innerJoin('webhooks', 'webhooks.id', 'webhook_secrets.webhook_id')
    .where('webhook_secrets.sealed_with', '!=', masterKeyId)

const ofKey = (row: { secret_id: string; sealed: Uint8Array; key_id: string; organization_id: string }): SealedRow => ({
  id: row.secret_id,
  owner: { kind: 'api_key', secretId: row.secret_id, keyId: row.key_id, organizationId: row.organization_id },
  sealed: row.sealed,
})

const ofWebhook = (row: {
  id: string
  sealed: Uint8Array
  webhook_id: string
  organization_id: string
}): SealedRow => ({
  id: row.id,
  owner: { kind: 'webhook', secretId: row.id, webhookId: row.webhook_id, organizationId: row.organization_id },
  sealed: row.sealed,
})

const countAll = sql<number>`count(*)`.as('count')
