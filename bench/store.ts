import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../src/clock.ts'
import { uuidv7 } from '../src/ids.ts'
import { openPostgresStore } from '../src/store/postgres.ts'
import { openSqliteStore } from '../src/store/sqlite.ts'
import type { Actor, RequestRow, Store } from '../src/store/store.ts'
import { startPostgresServer } from '../test/helpers/postgres-server.ts'

/**
 * What the store costs the process that uses it: `node bench/store.ts`. PostgreSQL runs on the same machine with fsync on, so
 * that the times hold no network; CPU is that of this process alone.
 */

const actor: Actor = { type: 'cli', id: null }

async function measure(name: string, store: Store): Promise<void> {
  const { id: organizationId } = await store.createOrganization({ name: 'Bench' }, actor)
  const hashes: Buffer[] = []
  const writes = await timed(200, 1, async () => {
    const sha256 = randomBytes(32)
    hashes.push(sha256)
    const secret = { sha256, keyPrefix: 'sk_live_abcd', keySuffix: 'wxyz' }
    await store.createKey({ organizationId, name: 'k', environment: 'live', scopes: ['a:b'], secret }, actor)
  })
  report(`${name}: one change (a key is made)`, writes)
  let next = 0
  const lookUp = async () => void (await store.findKeyByHash(hashes[next++ % hashes.length] ?? Buffer.alloc(32)))
  await timed(500, 1, lookUp)
  report(`${name}: look-up, one after the other`, await timed(5000, 1, lookUp))
  report(`${name}: look-ups, 16 at a time`, await timed(10_000, 16, lookUp))
  for (const size of [100, 1000]) {
    const batch = await timed(60, 1, () => store.insertRequests(Array.from({ length: size }, row)))
    report(`${name}: batch of ${size} rows`, batch, size)
  }
}

interface Times {
  readonly count: number
  readonly wallMs: number
  readonly cpuMs: number
  readonly medianMs: number
  readonly p99Ms: number
}

async function timed(count: number, atOnce: number, work: () => Promise<void>): Promise<Times> {
  const times: number[] = []
  const cpu = process.cpuUsage()
  const started = performance.now()
  let left = count
  const lane = async (): Promise<void> => {
    while (left-- > 0) {
      const at = performance.now()
      await work()
      times.push(performance.now() - at)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
  const { user, system } = process.cpuUsage(cpu)
  times.sort((a, b) => a - b)
  return {
    count,
    wallMs: performance.now() - started,
    cpuMs: (user + system) / 1000,
    medianMs: times[Math.floor(count / 2)] ?? Number.NaN,
    p99Ms: times[Math.floor(count * 0.99)] ?? Number.NaN,
  }
}

function report(name: string, { count, wallMs, cpuMs, medianMs, p99Ms }: Times, each = 1): void {
  const perSecond = Math.round((count * each * 1000) / wallMs)
  const cpuUs = ((cpuMs * 1000) / (count * each)).toFixed(1)
  process.stdout.write(
    `${name.padEnd(48)} median ${medianMs.toFixed(3)} ms, p99 ${p99Ms.toFixed(3)} ms, ${perSecond}/s, CPU ${cpuUs} µs each\n`,
  )
}

const row = (): RequestRow => ({
  id: uuidv7(Date.now()),
  at: Date.now(),
  organizationId: 'org_01jd0000000000000000000000',
  keyId: 'key_01jd0000000000000000000000',
  method: 'GET',
  path: '/api/v1/projects/42/runs',
  route: '/api/v1/projects/:id/runs',
  status: 200,
  code: null,
  durationMs: 12.345,
  upstreamMs: 10.25,
  bytesIn: 0,
  bytesOut: 5120,
  ip: '203.0.113.7',
  userAgent: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)',
  requestId: uuidv7(Date.now()),
  shadowCode: null,
})

const folder = mkdtempSync(join(tmpdir(), 'sallyport-bench-'))
const server = await startPostgresServer()
try {
  const sqlite = await openSqliteStore(join(folder, 'store.db'), { clock: systemClock })
  await measure('SQLite', sqlite)
  await sqlite.close()
  const postgres = await openPostgresStore(server.url(), { clock: systemClock })
  await measure('PostgreSQL', postgres)
  await postgres.close()
} finally {
  await server.stop()
  rmSync(folder, { recursive: true })
}
