import type { Member, OperatorsStore } from '../operators-store.ts'
import { type Actor, type Role, StoreConflict, StoreMissing } from '../store.ts'
import type { Reader, SqlEngine, Writer } from './engine.ts'
import { recordEvent } from './events.ts'
import { requireOrganization } from './organizations.ts'
import { pageLimit } from './page.ts'
import { requireThat } from './patch.ts'

export type MemberMethods = Pick<
  OperatorsStore,
  'rolesOf' | 'addMember' | 'findMember' | 'listMembers' | 'updateMember' | 'removeMember'
>

export function memberMethods({ db, write, clock }: SqlEngine): MemberMethods {
  return {
    rolesOf: (operatorId) => rolesOf(db, operatorId),

    addMember: (organizationId, operatorId, role, actor) =>
      write((trx) => insertMember(trx, { organizationId, operatorId, role, source: 'manual' }, actor, clock.now())),

    findMember: (organizationId, operatorId) => memberById(db, organizationId, operatorId),

    async listMembers(organizationId, page = {}) {
      let query = members(db)
        .where('memberships.organization_id', '=', organizationId)
        .orderBy('memberships.operator_id', 'desc')
        .limit(pageLimit(page))
      if (page.before !== undefined) query = query.where('memberships.operator_id', '<', page.before)
      const rows = await query.execute()
      return rows.map(toMember)
    },

    updateMember: (organizationId, operatorId, role, keepOwner, actor, holds) =>
      write(async (trx) => {
        const current = await memberById(trx, organizationId, operatorId)
        if (!current) return undefined
        requireThat(holds, current)
        if (current.role === role) return current
        if (keepOwner && current.role === 'owner' && (await isLastOwner(trx, current))) return 'last_owner'
        const now = clock.now()
        // Somebody has decided otherwise than the mapping: from here on it is theirs to change.
        await trx
          .updateTable('memberships')
          .set({ role, source: 'manual', updated_at: now })
          .where('organization_id', '=', organizationId)
          .where('operator_id', '=', operatorId)
          .execute()
        const before = { email: current.email, role: current.role }
        const after = { email: current.email, role }
        await recordEvent(
          trx,
          { type: 'member.updated', organizationId, target: operatorId, before, after },
          actor,
          now,
        )
        return { ...current, role, source: 'manual', updatedAt: now }
      }),

    removeMember: (organizationId, operatorId, keepOwner, actor) =>
      write(async (trx) => {
        const current = await memberById(trx, organizationId, operatorId)
        if (!current) return undefined
        if (keepOwner && current.role === 'owner' && (await isLastOwner(trx, current))) return 'last_owner'
        await deleteMember(trx, current, actor, clock.now())
        if (current.status === 'invited') await removeNewcomer(trx, operatorId)
        return 'removed'
      }),
  }
}

/** @throws StoreMissing `organization` or `operator`, StoreConflict `email` when it is a member already. */
export async function insertMember(
  trx: Writer,
  membership: { organizationId: string; operatorId: string; role: Role; source: Member['source'] },
  actor: Actor,
  now: number,
): Promise<Member> {
  const { organizationId, operatorId, role, source } = membership
  await requireOrganization(trx, organizationId)
  if (await memberById(trx, organizationId, operatorId)) throw new StoreConflict('email')
  const operator = await trx.selectFrom('operators').select('id').where('id', '=', operatorId).executeTakeFirst()
  if (!operator) throw new StoreMissing('operator')
  await trx
    .insertInto('memberships')
    .values({
      organization_id: organizationId,
      operator_id: operatorId,
      role,
      source,
      created_at: now,
      updated_at: now,
    })
    .execute()
  const member = await memberById(trx, organizationId, operatorId)
  if (!member) throw new Error('the member that was just added is not there')
  const after = { email: member.email, role, source }
  await recordEvent(trx, { type: 'member.added', organizationId, target: operatorId, after }, actor, now)
  return member
}

export async function deleteMember(trx: Writer, member: Member, actor: Actor, now: number): Promise<void> {
  const { organizationId, id, email, role } = member
  await trx
    .deleteFrom('memberships')
    .where('organization_id', '=', organizationId)
    .where('operator_id', '=', id)
    .execute()
  const before = { email, role }
  await recordEvent(trx, { type: 'member.removed', organizationId, target: id, before }, actor, now)
}

/** An invitation that is taken back leaves nothing behind, and the address can be invited anew. */
async function removeNewcomer(trx: Writer, operatorId: string): Promise<void> {
  const elsewhere = await rolesOf(trx, operatorId)
  if (elsewhere.size > 0) return
  await trx.deleteFrom('operators').where('id', '=', operatorId).where('root_source', 'is', null).execute()
}

/** One who was invited and has not come yet keeps nobody's place. */
async function isLastOwner(db: Reader, { organizationId, id, status }: Member): Promise<boolean> {
  if (status === 'invited') return false
  const other = await members(db)
    .where('memberships.organization_id', '=', organizationId)
    .where('memberships.operator_id', '!=', id)
    .where('memberships.role', '=', 'owner')
    .where((eb) => eb.or([eb('password_hash', 'is not', null), eb('oidc_subject', 'is not', null)]))
    .executeTakeFirst()
  return other === undefined
}

export async function rolesOf(db: Reader, operatorId: string): Promise<ReadonlyMap<string, Role>> {
  const rows = await db
    .selectFrom('memberships')
    .select(['organization_id', 'role'])
    .where('operator_id', '=', operatorId)
    .execute()
  return new Map(rows.map((row) => [row.organization_id, row.role as Role]))
}

export async function memberById(db: Reader, organizationId: string, operatorId: string): Promise<Member | undefined> {
  const row = await members(db)
    .where('memberships.organization_id', '=', organizationId)
    .where('memberships.operator_id', '=', operatorId)
    .executeTakeFirst()
  return row && toMember(row)
}

const members = (db: Reader) =>
  db
    .selectFrom('memberships')
    .innerJoin('operators', 'operators.id', 'memberships.operator_id')
    .select([
      'memberships.operator_id',
      'memberships.organization_id',
      'memberships.role',
      'memberships.source',
      'memberships.created_at',
      'memberships.updated_at',
      'operators.email',
      'operators.name',
      'operators.password_hash',
      'operators.oidc_subject',
    ])

type MemberRow = Awaited<ReturnType<ReturnType<typeof members>['executeTakeFirstOrThrow']>>

const toMember = (row: MemberRow): Member => ({
  id: row.operator_id,
  organizationId: row.organization_id,
  email: row.email,
  name: row.name,
  role: row.role as Role,
  source: row.source === 'oidc' ? 'oidc' : 'manual',
  status: row.password_hash === null && row.oidc_subject === null ? 'invited' : 'active',
  createdAt: row.created_at,
  updatedAt: row.updated_at,
})
