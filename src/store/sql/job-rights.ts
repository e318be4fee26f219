import type { JobNeeds } from '../jobs-store.ts'
import type { Role } from '../store.ts'
import type { Writer } from './engine.ts'
import type { JobRow } from './job-record.ts'

/** Whether the operator who ordered a job still has the role for it. Of others nobody can take it away. */
export async function mayGoOn(trx: Writer, row: JobRow, needs: JobNeeds): Promise<boolean> {
  if (needs === null || row.actor_type !== 'operator') return true
  const operator = await trx
    .selectFrom('operators')
    .leftJoin('memberships', (join) =>
      join
        .onRef('memberships.operator_id', '=', 'operators.id')
        .on('memberships.organization_id', '=', row.organization_id),
    )
    .select(['operators.root_source', 'memberships.role'])
    .where('operators.id', '=', row.created_by)
    .executeTakeFirst()
  if (operator === undefined) return false
  if (operator.root_source !== null) return true
  return needs !== 'root' && ranks.indexOf(operator.role as Role) >= ranks.indexOf(needs)
}

const ranks: readonly Role[] = ['viewer', 'engineer', 'admin', 'owner']
