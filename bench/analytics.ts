import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { systemClock } from '../src/clock.ts'
import type { AnalyticsQuery } from '../src/store/analytics-store.ts'
import { openSqliteStore } from '../src/store/sqlite.ts'
import type { Store } from '../src/store/store.ts'
import { requestRows } from './scenarios/request-rows.ts'
import { spread } from './summary.ts'

/**
 * `node bench/analytics.ts --store FILE [--rows 5000000]`: fills a store with requests of 30 days, of 10,000 keys in 20
 * organizations on 20 routes, where the file is not there yet, and prints how long the store takes to answer.
 */
const { values } = parseArgs({ options: { store: { type: 'string' }, rows: { type: 'string', default: '5000000' } } })
if (values.store === undefined) throw new Error('name the file with --store; it is made where there is none')

const dayMs = 86_400_000
const startsAt = Date.UTC(2026, 0, 1)
const endsAt = startsAt + 30 * dayMs
/** More than the recorder sends at once: sums of a batch are added up before they are written, and filling takes less long. */
const batchSize = 50_000
const fresh = !existsSync(values.store)
const store = await openSqliteStore(values.store, { clock: systemClock })
if (fresh) await fill(store, Number(values.rows))
await measure(store)
await store.close()

async function fill(into: Store, count: number): Promise<void> {
  const next = requestRows({ organizations: 20, keys: 10_000, routes: 20 })
  for (let done = 0; done < count; done += batchSize) {
    const rows = Array.from({ length: Math.min(batchSize, count - done) }, (_, index) =>
      next(Math.floor(startsAt + ((done + index) / count) * (endsAt - startsAt))),
    )
    await into.insertRequests(rows)
    if (done % 500_000 === 0) process.stderr.write(`${done} rows\n`)
  }
}

async function measure(of: Store): Promise<void> {
  // Not at the end of an hour: then the ends of the range are read from the finest sums.
  const until = endsAt - 1_234_567
  const one = `org_${'7'.padStart(26, '0')}`
  const ranges = { '1 h': [dayMs / 24, 60_000], '24 h': [dayMs, 300_000], '30 d': [29 * dayMs, 3_600_000] } as const
  for (const [range, [lengthMs, intervalMs]] of Object.entries(ranges)) {
    for (const organizationId of [one, undefined]) {
      const query: AnalyticsQuery = {
        ...(organizationId !== undefined && { organizationId }),
        since: until - lengthMs,
        until,
        grain: 'minute',
      }
      const scope = organizationId === undefined ? 'all organizations' : 'one organization'
      await time(`${range}, ${scope}, by time`, () => of.requestsOverTime({ ...query, intervalMs }))
      await time(`${range}, ${scope}, by route`, () => of.requestsByRoute({ ...query, limit: 50 }))
      await time(`${range}, ${scope}, by key`, () => of.requestsByKey({ ...query, limit: 50 }))
      await time(`${range}, ${scope}, by code`, () => of.requestsByCode({ ...query, limit: 50 }))
      const keyId = `key_${'7'.padStart(26, '0')}`
      const hourly = { organizationId: one, intervalMs: 3_600_000, keyId }
      await time(`${range}, one key, by time`, () => of.requestsOverTime({ ...query, ...hourly }))
    }
  }
}

async function time(name: string, ask: () => Promise<readonly unknown[]>): Promise<void> {
  const ms: number[] = []
  let answers = 0
  for (let round = 0; round < 7; round++) {
    const startedAt = performance.now()
    answers = (await ask()).length
    ms.push(performance.now() - startedAt)
  }
  const { least, median, most } = spread(ms)
  const range = `(${least.toFixed(1)}–${most.toFixed(1)})`
  process.stdout.write(`${name.padEnd(40)} ${median.toFixed(1).padStart(8)} ms ${range} ${answers} rows\n`)
}
