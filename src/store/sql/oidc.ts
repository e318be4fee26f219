import type { OidcIdentity, Operator, OperatorsStore } from '../operators-store.ts'
import type { Actor, Role } from '../store.ts'
import type { SqlEngine, Writer } from './engine.ts'
import { recordEvent } from './events.ts'
import { deleteMember, insertMember, memberById, rolesOf } from './members.ts'
import { insertOperator, operatorById, takeCredentials, toOperator } from './operators.ts'

export function oidcMethods({ write, clock }: SqlEngine): Pick<OperatorsStore, 'admitFromOidc'> {
  return {
    admitFromOidc: (identity, actor) =>
      write(async (trx) => {
        const now = clock.now()
        const known = await findKnown(trx, identity)
        if (known === 'mismatch') return known
        const mapped = identity.isRoot || identity.roles.size > 0
        if (!known && !mapped) return 'unknown'
        const operator = known ?? (await insertOperator(trx, newcomer(identity), actor, now))
        await link(trx, operator, identity, { ...actor, id: operator.id }, now)
        await mapRoles(trx, operator, identity, actor, now)
        const admitted = await operatorById(trx, operator.id)
        if (!admitted) return 'unknown'
        // One whose mapped roles are all gone has nothing to log in for.
        return admitted.isRoot || (await rolesOf(trx, admitted.id)).size > 0 ? admitted : 'unknown'
      }),
  }
}

const newcomer = ({ email, name }: OidcIdentity) => ({
  email,
  name,
  isRoot: false,
  verified: true,
  passwordHash: null,
})

/** By the provider's own id first; an address may have been given to another person since. */
async function findKnown(trx: Writer, { subject, email }: OidcIdentity): Promise<Operator | 'mismatch' | undefined> {
  const rows = trx.selectFrom('operators').selectAll()
  const bySubject = await rows.where('oidc_subject', '=', subject).executeTakeFirst()
  if (bySubject) return toOperator(bySubject)
  const byEmail = await rows.where('email', '=', email).executeTakeFirst()
  if (!byEmail) return undefined
  return byEmail.oidc_subject === null ? toOperator(byEmail) : 'mismatch'
}

/**
 * The first log-in joins the person to the account with its address. If nobody has stood for the address so far, whoever
 * made that account could have set its password and wait for its owner: what was set up before is taken away.
 */
async function link(
  trx: Writer,
  operator: Operator,
  { subject }: OidcIdentity,
  actor: Actor,
  now: number,
): Promise<void> {
  if (operator.hasOidc) return
  if (!operator.verified) await takeCredentials(trx, operator.id, actor, now)
  await trx
    .updateTable('operators')
    .set({ oidc_subject: subject, verified: 1, updated_at: now })
    .where('id', '=', operator.id)
    .execute()
  await recordEvent(trx, { type: 'operator.oidc_linked', organizationId: null, target: operator.id }, actor, now)
}

/** What was given by hand is left alone. */
async function mapRoles(trx: Writer, operator: Operator, identity: OidcIdentity, actor: Actor, now: number) {
  const { root_source: rootSource } = await trx
    .selectFrom('operators')
    .select('root_source')
    .where('id', '=', operator.id)
    .executeTakeFirstOrThrow()
  if (rootSource !== 'manual' && identity.isRoot !== (rootSource === 'oidc')) {
    await trx
      .updateTable('operators')
      .set({ root_source: identity.isRoot ? 'oidc' : null, updated_at: now })
      .where('id', '=', operator.id)
      .execute()
    const [before, after] = [{ is_root: !identity.isRoot }, { is_root: identity.isRoot }]
    const event = { type: 'operator.updated' as const, organizationId: null, target: operator.id, before, after }
    await recordEvent(trx, event, actor, now)
  }
  for (const organizationId of (await rolesOf(trx, operator.id)).keys()) {
    const member = await memberById(trx, organizationId, operator.id)
    if (member?.source !== 'oidc' || identity.roles.get(organizationId) === member.role) continue
    await deleteMember(trx, member, actor, now)
  }
  for (const [organizationId, role] of identity.roles)
    await addMapped(trx, operator.id, organizationId, role, actor, now)
}

async function addMapped(
  trx: Writer,
  operatorId: string,
  organizationId: string,
  role: Role,
  actor: Actor,
  now: number,
): Promise<void> {
  if (await memberById(trx, organizationId, operatorId)) return
  await insertMember(trx, { organizationId, operatorId, role, source: 'oidc' }, actor, now)
}
