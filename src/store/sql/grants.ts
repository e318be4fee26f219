import { type Store, StoreConflict } from '../store.ts'
import type { SqlEngine, Writer } from './engine.ts'
import { record } from './key-changes.ts'
import { type KeyRow, keyRow } from './key-record.ts'
import { pageLimit } from './page.ts'
import { toWorkspace, workspaceById } from './workspaces.ts'

export type GrantMethods = Pick<Store, 'grantWorkspace' | 'ungrantWorkspace' | 'listKeyWorkspaces'>

export function grantMethods({ db, write, clock }: SqlEngine): GrantMethods {
  return {
    grantWorkspace: (organizationId, keyId, workspaceId, actor) =>
      write(async (trx) => {
        const key = await changeableKey(trx, organizationId, keyId)
        const workspace = await workspaceById(trx, organizationId, workspaceId)
        if (!key || !workspace) return false
        if (await hasGrant(trx, keyId, workspaceId)) return true
        const bound = key.project_id
        // Made for one workspace, for good.
        if (bound !== null && bound !== workspace.id && bound !== workspace.externalId) {
          throw new StoreConflict('project_id')
        }
        const now = clock.now()
        await trx
          .insertInto('key_workspaces')
          .values({ key_id: keyId, workspace_id: workspaceId, created_at: now })
          .execute()
        await touchKey(trx, keyId, now)
        const after = { workspace_id: workspaceId }
        await record(trx, 'api_key.workspace_granted', { id: keyId, organizationId }, actor, now, { after })
        return true
      }),

    ungrantWorkspace: (organizationId, keyId, workspaceId, actor) =>
      write(async (trx) => {
        const key = await changeableKey(trx, organizationId, keyId)
        const workspace = await workspaceById(trx, organizationId, workspaceId)
        if (!key || !workspace) return false
        if (!(await hasGrant(trx, keyId, workspaceId))) return true
        const now = clock.now()
        await trx
          .deleteFrom('key_workspaces')
          .where('key_id', '=', keyId)
          .where('workspace_id', '=', workspaceId)
          .execute()
        await touchKey(trx, keyId, now)
        const before = { workspace_id: workspaceId }
        await record(trx, 'api_key.workspace_ungranted', { id: keyId, organizationId }, actor, now, { before })
        return true
      }),

    async listKeyWorkspaces(organizationId, keyId, page = {}) {
      let query = db
        .selectFrom('key_workspaces')
        .innerJoin('workspaces', 'workspaces.id', 'key_workspaces.workspace_id')
        .selectAll('workspaces')
        .where('key_workspaces.key_id', '=', keyId)
        .where('workspaces.organization_id', '=', organizationId)
        .orderBy('workspaces.id', 'desc')
        .limit(pageLimit(page))
      if (page.before !== undefined) query = query.where('workspaces.id', '<', page.before)
      const rows = await query.execute()
      return rows.map(toWorkspace)
    },
  }
}

async function changeableKey(trx: Writer, organizationId: string, keyId: string): Promise<KeyRow | undefined> {
  const row = await keyRow(trx, organizationId, keyId)
  return row?.deleted_at === null ? row : undefined
}

async function hasGrant(trx: Writer, keyId: string, workspaceId: string): Promise<boolean> {
  const row = await trx
    .selectFrom('key_workspaces')
    .select('key_id')
    .where('key_id', '=', keyId)
    .where('workspace_id', '=', workspaceId)
    .executeTakeFirst()
  return row !== undefined
}

async function touchKey(trx: Writer, keyId: string, now: number): Promise<void> {
  await trx.updateTable('api_keys').set({ updated_at: now }).where('id', '=', keyId).execute()
}
