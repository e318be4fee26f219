import pg from 'pg'
import { channel } from './schema.ts'

/**
 * Listens for commits to the change log on a connection of its own, which comes back by itself. Calls `nudge` for each of
 * them, and after each connection: what was called while there was none is lost.
 * @returns what ends it.
 */
export function watchChanges(connection: pg.ClientConfig, nudge: () => void): () => void {
  let closed = false
  let client: pg.Client | undefined
  let timer: NodeJS.Timeout | undefined
  let failures = 0

  const drop = (dropped: pg.Client): void => {
    if (client !== dropped) return
    client = undefined
    clearTimeout(timer)
    // A connection that hangs does not say goodbye either.
    void dropped.end().catch(() => undefined)
    if (closed) return
    const delayMs = Math.min(100 * 2 ** failures, delayMaxMs) * (0.5 + Math.random() / 2)
    failures++
    timer = setTimeout(connect, delayMs).unref()
  }

  const beat = (listening: pg.Client): void => {
    // A connection that is only listened to does not notice that the other end is gone.
    timer = setTimeout(() => {
      listening.query({ text: 'select 1', query_timeout: beatTimeoutMs } as pg.QueryConfig).then(
        () => client === listening && beat(listening),
        () => drop(listening),
      )
    }, beatEveryMs).unref()
  }

  const connect = (): void => {
    const fresh = new pg.Client({ ...connection, connectionTimeoutMillis: 5000, keepAlive: true })
    client = fresh
    fresh.on('error', () => drop(fresh))
    fresh.on('end', () => drop(fresh))
    fresh.on('notification', () => nudge())
    fresh
      .connect()
      .then(() => fresh.query(`listen ${channel}`))
      .then(() => {
        if (client !== fresh) return
        failures = 0
        nudge()
        beat(fresh)
      })
      .catch(() => drop(fresh))
  }

  connect()
  return () => {
    closed = true
    clearTimeout(timer)
    const last = client
    client = undefined
    void last?.end().catch(() => undefined)
  }
}

const delayMaxMs = 5000
const beatEveryMs = 10_000
const beatTimeoutMs = 5000
