import type { Selectable } from 'kysely'
import { newId } from '../../ids.ts'
import type { WorkspacesTable } from '../schema.ts'
import { type Store, StoreConflict, type Workspace } from '../store.ts'
import type { Reader, SqlEngine } from './engine.ts'
import { recordChange, recordEvent } from './events.ts'
import { requireOrganization } from './organizations.ts'
import { pageLimit } from './page.ts'
import { difference, requireThat } from './patch.ts'

export type WorkspaceMethods = Pick<
  Store,
  'createWorkspace' | 'findWorkspace' | 'listWorkspaces' | 'updateWorkspace' | 'deleteWorkspace'
>

export function workspaceMethods({ db, write, read, clock }: SqlEngine): WorkspaceMethods {
  return {
    createWorkspace: (input, actor) =>
      write(async (trx) => {
        const { organizationId, name, externalId = null } = input
        await requireOrganization(trx, organizationId)
        await refuseForeignId(trx, organizationId, externalId)
        const now = clock.now()
        const id = newId('ws', now)
        const row = {
          id,
          organization_id: organizationId,
          name,
          external_id: externalId,
          created_at: now,
          updated_at: now,
        }
        await trx.insertInto('workspaces').values(row).execute()
        const after = { name, external_id: externalId }
        await recordEvent(trx, { type: 'workspace.created', organizationId, target: id, after }, actor, now)
        return toWorkspace(row)
      }),

    findWorkspace: (organizationId, idOrExternalId) =>
      read((trx) => workspaceByEither(trx, organizationId, idOrExternalId)),

    async listWorkspaces(organizationId, page = {}) {
      let query = db
        .selectFrom('workspaces')
        .selectAll()
        .where('organization_id', '=', organizationId)
        .orderBy('id', 'desc')
        .limit(pageLimit(page))
      if (page.before !== undefined) query = query.where('id', '<', page.before)
      const rows = await query.execute()
      return rows.map(toWorkspace)
    },

    updateWorkspace: (organizationId, workspaceId, { name, externalId }, actor, holds) =>
      write(async (trx) => {
        const current = await workspaceById(trx, organizationId, workspaceId)
        if (!current) return undefined
        requireThat(holds, current)
        const diff = difference<Workspace>(current, {
          ...(name !== undefined && { name }),
          ...(externalId !== undefined && { externalId }),
        })
        if (!diff) return current
        const now = clock.now()
        const updated = { ...current, ...diff.changed, updatedAt: now }
        const externalIdChanges = updated.externalId !== current.externalId
        if (externalIdChanges) await refuseForeignId(trx, organizationId, updated.externalId)
        await trx
          .updateTable('workspaces')
          .set({ name: updated.name, external_id: updated.externalId, updated_at: now })
          .where('id', '=', workspaceId)
          .execute()
        const { before, after } = diff
        const event = { type: 'workspace.updated' as const, organizationId, target: workspaceId, before, after }
        await recordEvent(trx, event, actor, now)
        // Keys are cached with the external ids that they may reach; the name is nowhere.
        if (externalIdChanges) await recordChange(trx, 'organization', organizationId, now)
        return updated
      }),

    deleteWorkspace: (organizationId, workspaceId, actor) =>
      write(async (trx) => {
        const current = await workspaceById(trx, organizationId, workspaceId)
        if (!current) return false
        const now = clock.now()
        await trx.deleteFrom('key_workspaces').where('workspace_id', '=', workspaceId).execute()
        await trx.deleteFrom('workspaces').where('id', '=', workspaceId).execute()
        const before = { name: current.name, external_id: current.externalId }
        await recordEvent(trx, { type: 'workspace.deleted', organizationId, target: workspaceId, before }, actor, now)
        await recordChange(trx, 'organization', organizationId, now)
        return true
      }),
  }
}

/** By id first: no external id can take the place of another workspace's id. */
export async function workspaceByEither(
  db: Reader,
  organizationId: string,
  idOrExternalId: string,
): Promise<Workspace | undefined> {
  const byId = await workspaceById(db, organizationId, idOrExternalId)
  if (byId) return byId
  const row = await db
    .selectFrom('workspaces')
    .selectAll()
    .where('organization_id', '=', organizationId)
    .where('external_id', '=', idOrExternalId)
    .executeTakeFirst()
  return row && toWorkspace(row)
}

export async function workspaceById(db: Reader, organizationId: string, id: string): Promise<Workspace | undefined> {
  const row = await db
    .selectFrom('workspaces')
    .selectAll()
    .where('id', '=', id)
    .where('organization_id', '=', organizationId)
    .executeTakeFirst()
  return row && toWorkspace(row)
}

/** Grants match by id or external id, so one that names another workspace's id would open that one. */
async function refuseForeignId(db: Reader, organizationId: string, externalId: string | null): Promise<void> {
  if (externalId !== null && (await workspaceById(db, organizationId, externalId))) {
    throw new StoreConflict('external_id')
  }
}

export function toWorkspace(row: Selectable<WorkspacesTable>): Workspace {
  return {
    id: row.id,
    organizationId: row.organization_id,
    name: row.name,
    externalId: row.external_id,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}
