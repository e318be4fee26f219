import { afterEach, describe, expect, it } from 'vitest'
import type { Config } from '../../src/config/schema.ts'
import { configSchema } from '../../src/config/schema.ts'
import { startWorkers, type WorkerPool } from '../../src/workers/pool.ts'
import type { SharedApi } from '../../src/workers/primary-api.ts'
import { eventually, settled, within } from '../helpers/eventually.ts'
import { type ScriptedWorker, scriptedWorkers } from '../helpers/scripted-workers.ts'

/** What becomes of workers that die, hang or come at the wrong moment; of their processes see processes.test.ts. */

const config: Config = configSchema.parse({ timeouts: { drain_timeout: '20s' } })
const certificates = { listener: undefined, authorities: new Map() }
const address = { host: '127.0.0.1', port: 1234 }
const change = { seq: 1, kind: 'api_key', id: 'key_1' } as const
const nobody = async (): Promise<never> => {
  throw new Error('not asked in these tests')
}
const api: SharedApi = {
  ...{ writeRequests: nobody, touchSecrets: nobody },
  ...{ appendEvent: nobody, revokeKey: nobody, answerCall: nobody },
}

let pool: WorkerPool | undefined
let faults: string[] = []
let exits: string[] = []
afterEach(async () => {
  await pool?.destroy()
  pool = undefined
  faults = []
  exits = []
})

async function open(size: number, begin?: (worker: ScriptedWorker) => void) {
  const scripted = scriptedWorkers(begin)
  const opened = await startWorkers({
    ...{ config, certificates, size, api, limits: undefined, signingKeys: () => [], fork: scripted.fork },
    events: {
      workerStarted: () => {},
      workerEnded: (_, why) => void exits.push(why),
      fault: (where, error) => void faults.push(`${where}: ${error instanceof Error ? error.message : ''}`),
    },
  })
  pool = opened
  await opened.listen(address)
  return { pool: opened, ...scripted }
}

const worker = (of: readonly ScriptedWorker[], number: number): ScriptedWorker => {
  const found = of[number - 1]
  if (found === undefined) throw new Error(`there is no worker ${number}`)
  return found
}

const heardBy = (workers: readonly ScriptedWorker[]): number =>
  workers.reduce((sum, { heard }) => sum + heard.length, 0)

describe('a worker that ends', () => {
  it('while it starts is followed by one, however often that happens', async () => {
    const { workers, living } = await open(1, (one) => {
      if (one.number > 1 && one.number < 5) {
        one.hold('start')
        setImmediate(one.crash)
      }
    })
    worker(workers, 1).crash()
    await eventually('one that stays', () => workers.length >= 5 && worker(workers, 5).heard.includes('listen'))
    // Longer than any pause between two tries.
    expect(await settled('the number of workers', () => workers.length, { forMs: 1000 })).toBe(5)
    expect(living()).toHaveLength(1)
  })

  it('while another is replaced is not followed by two', async () => {
    const { pool, workers, living } = await open(2)
    const release = worker(workers, 1).hold('close')
    const replaced = pool.replaceAll()
    await eventually('the first to leave', () => worker(workers, 1).heard.includes('close'))
    worker(workers, 2).crash()
    await eventually('another in its place', () => workers.length === 4)
    release()
    await replaced
    await eventually('two to be there', () => living().length === 2)
    expect(await settled('the number of those that live', () => living().length, { forMs: 300 })).toBe(2)
  })

  it('while it is being replaced is not followed by two', async () => {
    let hold = false
    const held: (() => void)[] = []
    const { pool, workers, living } = await open(1, (one) => {
      if (hold) held.push(one.hold('start'))
    })
    hold = true
    const replaced = pool.replaceAll()
    await eventually('the new one to start', () => workers.length === 2)
    worker(workers, 1).crash()
    hold = false
    await settled('the number of workers', () => workers.length, { forMs: 300 })
    for (const release of held) release()
    await replaced
    expect(await settled('the number of those that live', () => living().length, { forMs: 300 })).toBe(1)
  })

  it('while a configuration is prepared does not get that refused', async () => {
    const { pool, workers, living } = await open(2)
    worker(workers, 2).hold('prepare')
    const prepared = pool.prepare(config, certificates)
    await eventually('it to be asked', () => worker(workers, 2).heard.includes('prepare'))
    worker(workers, 2).crash()
    await (await within(2000, 'the others to be ready', prepared))()
    await eventually(
      'all to have the new one',
      () => living().length === 2 && living().every(({ version }) => version === 2),
    )
  })

  it('together with another leaves what both have counted', async () => {
    const { pool, workers } = await open(2)
    for (const one of workers) one.report = reportWith(one.number * 10)
    await pool.reports()
    for (const one of [...workers]) one.crash()
    await eventually('both to be replaced', () => workers.length === 4)
    expect(await countOf(pool)).toBe(30)
    expect(await countOf(pool)).toBe(30)
  })

  it('counts at no time as one that never was', async () => {
    const { pool, workers } = await open(1)
    worker(workers, 1).report = reportWith(7)
    await pool.reports()
    worker(workers, 1).crash()
    while (exits.length === 0) await new Promise((resolve) => setImmediate(resolve))
    expect(await countOf(pool)).toBe(7)
  })
})

describe('a reload', () => {
  it('holds for a worker that became ready while the others were asked', async () => {
    let hold = true
    const held: (() => void)[] = []
    const { pool, workers, living } = await open(2, (one) => {
      if (hold && one.number === 3) held.push(one.hold('start'))
    })
    worker(workers, 1).crash()
    await eventually('another to start', () => workers.length === 3 && worker(workers, 3).heard.includes('start'))
    const release = worker(workers, 2).hold('prepare')
    const prepared = pool.prepare(config, certificates)
    await eventually('the others to be asked', () => worker(workers, 2).heard.includes('prepare'))
    hold = false
    for (const go of held) go()
    await eventually('it to listen', () => worker(workers, 3).heard.includes('listen'))
    await new Promise((resolve) => setImmediate(resolve))
    release()
    await (await prepared)()
    expect(living().map(({ version }) => version)).toEqual([2, 2])
  })

  it('does not wait for one that has stopped answering, which is replaced', async () => {
    const { pool, workers, living } = await open(2)
    worker(workers, 1).hold('prepare')
    worker(workers, 1).hold('settle')
    const apply = await within(3000, 'the reload', pool.prepare(config, certificates))
    await apply()
    await eventually('all to have it', () => living().length === 2 && living().every(({ version }) => version === 2))
    expect(exits).toEqual(['silent'])
  })
})

describe('a change', () => {
  it('is waited for also where a worker is leaving, and one that is silent then is ended', async () => {
    const { pool, workers } = await open(1)
    const leaving = worker(workers, 1)
    leaving.hold('close')
    const replaced = pool.replaceAll()
    await eventually('it to leave', () => leaving.heard.includes('close'))
    leaving.hold('settle')
    pool.forget(change)
    await pool.settled()
    expect(leaving.heard).toContain('forget')
    expect(leaving.alive).toBe(false)
    await replaced
  })

  it('is waited for where a worker may have its first connections, though it is not ready', async () => {
    const { pool, workers } = await open(2, (one) => {
      if (one.number === 3) one.hold('listen')
    })
    worker(workers, 1).crash()
    await eventually('it to listen', () => workers.length > 2 && worker(workers, 3).heard.includes('listen'))
    worker(workers, 3).hold('settle')
    pool.forget(change)
    await pool.settled()
    expect(worker(workers, 3).alive).toBe(false)
  })
})

describe('the end', () => {
  it('is not there before those that were leaving have finished', async () => {
    const { pool, workers } = await open(2)
    const release = worker(workers, 1).hold('close')
    void pool.replaceAll()
    await eventually('it to leave', () => worker(workers, 1).heard.includes('close'))
    let closed = false
    const closing = pool.close().then(() => {
      closed = true
    })
    await settled('what they hear', () => heardBy(workers), { forMs: 100 })
    expect(closed).toBe(false)
    release()
    await closing
  })

  it('starts nobody any more', async () => {
    const { pool, workers, living } = await open(1, (one) => {
      if (one.number === 2) one.hold('start')
    })
    const replaced = pool.replaceAll().catch(() => {})
    await eventually('another to start', () => workers.length === 2)
    await pool.close()
    await within(2000, 'the end', pool.destroy())
    await replaced
    expect(living()).toEqual([])
    expect(worker(workers, 2).heard).not.toContain('listen')
  })
})

it('a port that no worker has to itself: one that came while the others began to listen listens too', async () => {
  const { fork, workers } = scriptedWorkers((one) => {
    if (one.number === 1) held.push(one.hold('listen'))
  })
  const held: (() => void)[] = []
  const events = { workerStarted: () => {}, workerEnded: () => {}, fault: () => {} }
  pool = await startWorkers({
    ...{ config, certificates, size: 2, api, limits: undefined, signingKeys: () => [], fork, events },
  })
  const listening = pool.listen(address)
  await eventually('the first to be asked', () => worker(workers, 1).heard.includes('listen'))
  worker(workers, 2).crash()
  await eventually('another in its place', () => workers.length === 3 && worker(workers, 3).heard.includes('synced'))
  await settled('what they hear', () => heardBy(workers), { forMs: 50 })
  for (const release of held) release()
  await listening
  await eventually('it to listen', () => worker(workers, 3).heard.includes('listen'))
})

it('a replacement that does not start is a fault that is told, and the old one goes on', async () => {
  const { pool, living } = await open(1, (one) => {
    if (one.number > 1) setImmediate(one.crash)
    if (one.number > 1) one.hold('start')
  })
  await expect(pool.replaceAll()).rejects.toThrow(/gone/)
  expect(faults.join()).toContain('replacing a worker')
  expect(living().map(({ number }) => number)).toEqual([1])
})

it('a worker that does not read is ended rather than that messages pile up', async () => {
  const { pool, workers, living } = await open(1)
  const { heard } = worker(workers, 1)
  expect(heard).toContain('listen')
  worker(workers, 1).deaf = true
  for (let at = 0; at < 2000; at++) pool.synced(0)
  await eventually('another in its place', () => living()[0]?.number === 2)
  expect(exits).toEqual(['silent'])
})

const reportWith = (requests: number) => ({
  inFlight: 0,
  targetsUp: new Map(),
  metrics: [
    {
      ...{ name: 'requests_total', help: 'Requests.', type: 'counter', aggregator: 'sum' },
      values: [{ labels: {}, value: requests }],
    },
  ] as never,
})

async function countOf(of: WorkerPool): Promise<number> {
  let sum = 0
  for (const report of await of.reports()) {
    for (const { name, values } of report) if (name === 'requests_total') for (const { value } of values) sum += value
  }
  return sum
}
