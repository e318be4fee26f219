import { Kysely } from 'kysely'
import { parsePostgresUrl } from '../../config/postgres-url.ts'
import type { Tables } from '../schema.ts'
import { readEventChain } from '../sql/events.ts'
import { type Store, StoreUnavailable } from '../store.ts'
import { connectionOf } from './connection.ts'
import { laneDialect } from './dialect.ts'
import { createLane } from './lane.ts'
import { beginWrite } from './prepare.ts'

/** The audit trail of a database whose schema is up to date, on a connection of its own. Connects when it is first asked. */
export function openEventReads(url: string): Pick<Store, 'listEventChain' | 'close'> {
  const address = parsePostgresUrl(url)
  if (typeof address === 'string') throw new StoreUnavailable(`the value of "store" ${address}`)
  const lane = createLane(connectionOf(address), {
    max: 1,
    acquireTimeoutMs: 5000,
    statementTimeoutMs: 30_000,
    primary: true,
  })
  const db = new Kysely<Tables>({ dialect: laneDialect(lane, beginWrite) })
  return {
    listEventChain: (afterSeq, limit) => readEventChain(db, afterSeq, limit),
    close: () => lane.close(),
  }
}
