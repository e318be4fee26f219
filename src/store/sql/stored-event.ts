import type { Selectable } from 'kysely'
import type { AdminEventsTable } from '../schema.ts'
import type { StoredEvent } from '../verify-events.ts'

/** A row of the audit trail, to be verified. */
export const toStoredEvent = (row: Selectable<AdminEventsTable>): StoredEvent => ({
  ...{ seq: row.seq, id: row.id, at: row.at, type: row.type, organizationId: row.organization_id, target: row.target },
  ...{ actorType: row.actor_type, actorId: row.actor_id, requestId: row.request_id },
  before: parsed(row.before),
  after: parsed(row.after),
  ...{ prevHash: row.prev_hash, hash: row.hash },
})

/** A text that is no JSON any more was edited; as it stands it can't match its hash, which is what is to be found out. */
function parsed(text: string | null): unknown {
  try {
    return text === null ? null : JSON.parse(text)
  } catch {
    return text
  }
}
