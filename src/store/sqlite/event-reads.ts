import { DatabaseSync, type StatementSync } from 'node:sqlite'
import type { Selectable } from 'kysely'
import type { AdminEventsTable } from '../schema.ts'
import { toStoredEvent } from '../sql/stored-event.ts'
import type { Store } from '../store.ts'
import { toOpenError, toStoreError } from './errors.ts'

/**
 * The audit trail of a file whose schema is up to date, read in the calling thread on a connection of its own: nobody else
 * waits for it.
 */
export function openEventReads(file: string): Pick<Store, 'listEventChain' | 'close'> {
  try {
    const database = new DatabaseSync(file, { readOnly: true, timeout: busyTimeoutMs })
    const page = database.prepare('select * from admin_events where seq > ? order by seq limit ?')
    return {
      async listEventChain(afterSeq, limit) {
        const rows = readPage(page, afterSeq, Math.min(limit, 1000))
        return rows.map(toStoredEvent)
      },
      close: async () => database.close(),
    }
  } catch (error) {
    throw toOpenError(file, error)
  }
}

function readPage(page: StatementSync, afterSeq: number, limit: number): Selectable<AdminEventsTable>[] {
  try {
    return page.all(afterSeq, limit) as unknown as Selectable<AdminEventsTable>[]
  } catch (error) {
    const code = error instanceof Error && 'errcode' in error ? Number(error.errcode) : 0
    throw toStoreError({ code, message: error instanceof Error ? error.message : String(error) })
  }
}

const busyTimeoutMs = 5000
