import type { Selectable } from 'kysely'
import { newId } from '../../ids.ts'
import type { ServiceAccountsTable } from '../schema.ts'
import type { Role, ServiceAccount, Store } from '../store.ts'
import type { Reader, SqlEngine } from './engine.ts'
import { recordChange, recordEvent } from './events.ts'
import { requireOrganization } from './organizations.ts'
import { pageLimit } from './page.ts'
import { difference, requireThat } from './patch.ts'
import { freeSlug } from './slug.ts'

export type ServiceAccountMethods = Pick<
  Store,
  'createServiceAccount' | 'findServiceAccount' | 'listServiceAccounts' | 'updateServiceAccount'
>

export function serviceAccountMethods({ db, write, clock }: SqlEngine): ServiceAccountMethods {
  return {
    createServiceAccount: (input, actor) =>
      write(async (trx) => {
        const { organizationId, name, role, description = '' } = input
        await requireOrganization(trx, organizationId)
        const now = clock.now()
        const id = newId('sa', now)
        const isTaken = (slug: string) => slugTaken(trx, organizationId, slug)
        const row = {
          id,
          organization_id: organizationId,
          name,
          slug: input.slug ?? (await freeSlug(name, 'service-account', isTaken, () => id.slice(-8))),
          description,
          role,
          is_active: 1,
          created_at: now,
          updated_at: now,
        }
        await trx.insertInto('service_accounts').values(row).execute()
        const after = { name, slug: row.slug, role, description }
        await recordEvent(trx, { type: 'service_account.created', organizationId, target: id, after }, actor, now)
        return toServiceAccount(row)
      }),

    findServiceAccount: (organizationId, id) => serviceAccountById(db, organizationId, id),

    async listServiceAccounts(organizationId, page = {}) {
      let query = db
        .selectFrom('service_accounts')
        .selectAll()
        .where('organization_id', '=', organizationId)
        .orderBy('id', 'desc')
        .limit(pageLimit(page))
      if (page.before !== undefined) query = query.where('id', '<', page.before)
      const rows = await query.execute()
      return rows.map(toServiceAccount)
    },

    updateServiceAccount: (organizationId, id, { name, description, role, isActive }, actor, holds) =>
      write(async (trx) => {
        const current = await serviceAccountById(trx, organizationId, id)
        if (!current) return undefined
        requireThat(holds, current)
        const diff = difference<ServiceAccount>(current, {
          ...(name !== undefined && { name }),
          ...(description !== undefined && { description }),
          ...(role !== undefined && { role }),
          ...(isActive !== undefined && { isActive }),
        })
        if (!diff) return current
        const now = clock.now()
        const updated = { ...current, ...diff.changed, updatedAt: now }
        await trx
          .updateTable('service_accounts')
          .set({
            name: updated.name,
            description: updated.description,
            role: updated.role,
            is_active: updated.isActive ? 1 : 0,
            updated_at: now,
          })
          .where('id', '=', id)
          .execute()
        const { before, after } = diff
        const event = { type: 'service_account.updated' as const, organizationId, target: id, before, after }
        await recordEvent(trx, event, actor, now)
        // It may own any number of keys: the whole organization is forgotten rather than each of them.
        await recordChange(trx, 'organization', organizationId, now)
        return updated
      }),
  }
}

export async function serviceAccountById(
  db: Reader,
  organizationId: string,
  id: string,
): Promise<ServiceAccount | undefined> {
  const row = await db
    .selectFrom('service_accounts')
    .selectAll()
    .where('id', '=', id)
    .where('organization_id', '=', organizationId)
    .executeTakeFirst()
  return row && toServiceAccount(row)
}

async function slugTaken(db: Reader, organizationId: string, slug: string): Promise<boolean> {
  const row = await db
    .selectFrom('service_accounts')
    .select('id')
    .where('organization_id', '=', organizationId)
    .where('slug', '=', slug)
    .executeTakeFirst()
  return row !== undefined
}

function toServiceAccount(row: Selectable<ServiceAccountsTable>): ServiceAccount {
  return {
    id: row.id,
    organizationId: row.organization_id,
    name: row.name,
    slug: row.slug,
    description: row.description,
    role: row.role as Role,
    isActive: row.is_active === 1,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}
