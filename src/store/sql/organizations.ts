import { newId } from '../../ids.ts'
import type { EventType } from '../event-types.ts'
import {
  type Organization,
  type OrganizationPatch,
  type OrganizationStatus,
  type Store,
  StoreMissing,
  type SuspendedBy,
} from '../store.ts'
import type { Reader, SqlEngine } from './engine.ts'
import { recordChange, recordEvent } from './events.ts'
import { toOrganization } from './organization-record.ts'
import { pageLimit } from './page.ts'
import { difference, requireThat } from './patch.ts'
import { freeSlug } from './slug.ts'
import { contains } from './text.ts'

export type OrganizationMethods = Pick<
  Store,
  'createOrganization' | 'findOrganization' | 'listOrganizations' | 'updateOrganization' | 'deleteOrganization'
>

export function organizationMethods({ db, write, clock }: SqlEngine): OrganizationMethods {
  return {
    createOrganization: (input, actor) =>
      write(async (trx) => {
        const now = clock.now()
        const id = newId('org', now)
        const row = {
          id,
          name: input.name,
          slug:
            input.slug ??
            (await freeSlug(
              input.name,
              'org',
              (slug) => slugTaken(trx, slug),
              () => id.slice(-8),
            )),
          status: 'active',
          status_reason: null,
          suspended_by: null,
          rate_limit: toJson(input.rateLimit ?? null),
          metadata: JSON.stringify(input.metadata ?? {}),
          created_at: now,
          updated_at: now,
        }
        await trx.insertInto('organizations').values(row).execute()
        const after = { name: row.name, slug: row.slug, rate_limit: input.rateLimit ?? null, metadata: input.metadata }
        await recordEvent(trx, { type: 'organization.created', organizationId: id, target: id, after }, actor, now)
        await recordChange(trx, 'organization', id, now)
        return toOrganization(row)
      }),

    async findOrganization(idOrSlug) {
      const row = await db
        .selectFrom('organizations')
        .selectAll()
        // A slug has no underscore, so the two can't be mistaken for one another.
        .where((eb) => eb.or([eb('id', '=', idOrSlug), eb('slug', '=', idOrSlug)]))
        .executeTakeFirst()
      return row && toOrganization(row)
    },

    async listOrganizations(page = {}) {
      let query = db.selectFrom('organizations').selectAll().orderBy('id', 'desc').limit(pageLimit(page))
      if (page.before !== undefined) query = query.where('id', '<', page.before)
      if (page.among !== undefined) query = query.where('id', 'in', page.among.length > 0 ? page.among : [''])
      const { q } = page
      if (q !== undefined)
        query = query.where((eb) => eb.or([contains(eb.ref('name'), q), contains(eb.ref('slug'), q)]))
      const rows = await query.execute()
      return rows.map(toOrganization)
    },

    deleteOrganization: (id, actor) =>
      write(async (trx) => {
        const row = await trx.selectFrom('organizations').selectAll().where('id', '=', id).executeTakeFirst()
        if (!row) return false
        const now = clock.now()
        const keys = trx.selectFrom('api_keys').select('id').where('organization_id', '=', id)
        await trx.deleteFrom('key_workspaces').where('key_id', 'in', keys).execute()
        await trx.deleteFrom('key_secrets').where('key_id', 'in', keys).execute()
        await trx.deleteFrom('api_keys').where('organization_id', '=', id).execute()
        await trx.deleteFrom('workspaces').where('organization_id', '=', id).execute()
        await trx.deleteFrom('service_accounts').where('organization_id', '=', id).execute()
        await trx.deleteFrom('jobs').where('organization_id', '=', id).execute()
        await trx.deleteFrom('organizations').where('id', '=', id).execute()
        const before = { name: row.name, slug: row.slug }
        await recordEvent(trx, { type: 'organization.deleted', organizationId: id, target: id, before }, actor, now)
        await recordChange(trx, 'organization', id, now)
        return true
      }),

    updateOrganization: (id, patch, actor, holds) =>
      write(async (trx) => {
        const row = await trx.selectFrom('organizations').selectAll().where('id', '=', id).executeTakeFirst()
        if (!row) return undefined
        const current = toOrganization(row)
        requireThat(holds, current)
        const diff = difference<Organization>(current, wantedOf(current, patch))
        if (!diff) return current
        const now = clock.now()
        const updated = { ...current, ...diff.changed, updatedAt: now }
        await trx
          .updateTable('organizations')
          .set({
            name: updated.name,
            status: updated.status,
            status_reason: updated.statusReason,
            suspended_by: updated.suspendedBy,
            rate_limit: toJson(updated.rateLimit),
            metadata: JSON.stringify(updated.metadata),
            updated_at: now,
          })
          .where('id', '=', id)
          .execute()
        const { before, after } = diff
        await recordEvent(
          trx,
          { type: eventType(diff.changed.status), organizationId: id, target: id, before, after },
          actor,
          now,
        )
        await recordChange(trx, 'organization', id, now)
        return updated
      }),
  }
}

/** @throws StoreMissing when there is no such organization. */
export async function requireOrganization(db: Reader, id: string): Promise<void> {
  const row = await db.selectFrom('organizations').select('id').where('id', '=', id).executeTakeFirst()
  if (!row) throw new StoreMissing('organization')
}

/** A reason belongs to one change of status: the next change without one takes it away. */
function wantedOf(current: Organization, patch: OrganizationPatch): Partial<Organization> {
  const { name, status, statusReason, rateLimit, metadata } = patch
  const changesStatus = status !== undefined && status !== current.status
  const reason = statusReason === undefined && changesStatus ? null : statusReason
  return {
    ...(name !== undefined && { name }),
    ...(status !== undefined && { status }),
    ...(reason !== undefined && { statusReason: reason }),
    ...(status !== undefined && { suspendedBy: status === 'active' ? null : suspendedBy(current, patch) }),
    ...(rateLimit !== undefined && { rateLimit }),
    ...(metadata !== undefined && { metadata }),
  }
}

const suspendedBy = (current: Organization, patch: OrganizationPatch): SuspendedBy =>
  current.suspendedBy === 'root' ? 'root' : (patch.suspendedBy ?? 'root')

function eventType(status: OrganizationStatus | undefined): EventType {
  if (status === undefined) return 'organization.updated'
  return status === 'suspended' ? 'organization.suspended' : 'organization.resumed'
}

async function slugTaken(db: Reader, slug: string): Promise<boolean> {
  const row = await db.selectFrom('organizations').select('id').where('slug', '=', slug).executeTakeFirst()
  return row !== undefined
}

/** Null stays null: the column must tell "none" from a value. */
export const toJson = (value: unknown): string | null => (value === null ? null : JSON.stringify(value))
