import type { Address, Config } from '../config/schema.ts'
import type { Traffic } from '../data-plane.ts'
import type { Events } from '../events.ts'
import { departed, type MetricsReport } from '../metrics/report.ts'
import type { Change } from '../store/store.ts'
import { type Child, forkWorker } from './fork.ts'
import { freePort } from './free-port.ts'
import { createPeer, type Peer } from './peer.ts'
import type { PrimaryApi, SharedPlan, WorkerApi, WorkerReport } from './protocol.ts'

export interface WorkerPoolOptions {
  readonly config: Config
  readonly size: number
  /** PEM of the keys that sign contexts, the one in use first; asked where `context.sign` is on. */
  readonly signingKeys: () => readonly string[]
  /** What workers ask for; everything but what the pool sees to itself. */
  readonly api: Omit<PrimaryApi, 'failed' | 'report'>
  readonly events: Pick<Events, 'workerStarted' | 'workerEnded' | 'fault'>
  readonly fork?: () => Child
}

export interface WorkerPool extends Traffic {
  /** Starts each anew, one after the other, so that there are always as many as there should be. */
  replaceAll(): Promise<void>
  /** What they count, and what those counted that have ended. */
  reports(): Promise<MetricsReport[]>
}

/**
 * The data plane in processes of its own, which share the listening sockets. One that ends by itself is replaced; one that
 * does not answer in time is ended first, so that what is promised for all never waits for long.
 * @throws when the first of them can't be started.
 */
export async function startWorkers(options: WorkerPoolOptions): Promise<WorkerPool> {
  const { size, signingKeys, api, events, fork = forkWorker } = options
  const members = new Set<Member>()
  let plan: SharedPlan = share(options.config)
  let address: Address | undefined
  let closing = false
  let draining = false
  let gone: MetricsReport = []
  let failuresInRow = 0
  let syncedAt = Number.NEGATIVE_INFINITY

  function share(config: Config): SharedPlan {
    return { config, signingKeys: config.context.sign ? signingKeys() : [], workers: size }
  }

  const ready = (): Member[] => [...members].filter(({ state }) => state === 'ready')
  const tellAll = <Name extends keyof WorkerApi>(name: Name, body: Parameters<WorkerApi[Name]>[0]): void => {
    for (const { peer } of members) peer.tell(name, body)
  }

  /** @returns once it takes requests, or would if there were an address. */
  const add = async (slot: number): Promise<Member> => {
    const child = fork()
    const { promise: exited, resolve } = Promise.withResolvers<void>()
    const member: Member = {
      slot,
      child,
      exited,
      state: 'starting',
      report: noReport,
      startedAt: performance.now(),
      peer: createPeer<WorkerApi>(
        child.port,
        apiFor(() => member),
        (name, error) => events.fault(`worker ${name}`, error),
      ),
    }
    members.add(member)
    child.onExit((how) => {
      members.delete(member)
      member.peer.close()
      void ended(member, how).finally(resolve)
    })
    const { peer } = member
    try {
      let begun = plan
      await peer.call('start', { worker: slot, plan: begun }, startWithinMs)
      peer.tell('synced', performance.now() - syncedAt)
      if (address !== undefined) await peer.call('listen', address, startWithinMs)
      // A reload may have come between.
      while (begun !== plan) {
        begun = plan
        await peer.call('prepare', begun, startWithinMs)
        await peer.call('apply', undefined, startWithinMs)
      }
    } catch (error) {
      if (member.state === 'starting') member.state = 'failed'
      child.kill()
      await exited
      throw error
    }
    if (draining) peer.tell('drain', undefined)
    member.state = 'ready'
    events.workerStarted(slot, child.pid)
    return member
  }

  const apiFor = (member: () => Member): PrimaryApi => ({
    ...api,
    failed(addresses) {
      for (const other of members) if (other !== member()) other.peer.tell('failed', addresses)
    },
    report(report) {
      member().report = report
    },
  })

  const ended = async ({ slot, state, report, startedAt }: Member, how: string): Promise<void> => {
    gone = await departed(gone, report.metrics)
    if (state === 'leaving' || state === 'failed' || closing) {
      if (state !== 'failed') events.workerEnded(slot, 'stopped', how)
      return
    }
    events.workerEnded(slot, state === 'silent' ? 'silent' : 'crashed', how)
    failuresInRow = performance.now() - startedAt < soundAfterMs ? failuresInRow + 1 : 0
    void restore(slot)
  }

  /** Until there is one again in this slot; at once at first, and less and less often while none stays. */
  const restore = async (slot: number): Promise<void> => {
    while (!closing) {
      if (failuresInRow > 0) await wait(Math.min(restartFirstMs * 2 ** (failuresInRow - 1), restartMaxMs))
      if (closing) return
      try {
        await add(slot)
        return
      } catch (error) {
        failuresInRow++
        events.fault('starting a worker', error)
      }
    }
  }

  /** It has not answered: nobody knows what it does, so it must not go on. Another takes its place. */
  const end = async (member: Member): Promise<void> => {
    if (member.state === 'ready') member.state = 'silent'
    member.child.kill()
    await member.exited
  }

  const eachReady = async <Name extends keyof WorkerApi>(
    name: Name,
    body: Parameters<WorkerApi[Name]>[0],
    withinMs: number,
  ): Promise<void> => {
    await Promise.all(ready().map((member) => member.peer.call(name, body, withinMs).catch(() => end(member))))
  }

  const leave = async (member: Member): Promise<void> => {
    member.state = 'leaving'
    member.peer.tell('drain', undefined)
    const { drain_timeout } = plan.config.timeouts
    await member.peer.call('close', undefined, drain_timeout).catch(() => undefined)
    await member.peer.call('abortAll', undefined, silentAfterMs).catch(() => undefined)
    await stop(member)
  }

  const stop = async (member: Member): Promise<void> => {
    if (member.state !== 'silent') member.state = 'leaving'
    member.peer.tell('end', undefined)
    const late = setTimeout(() => member.child.kill(), endWithinMs)
    await member.exited
    clearTimeout(late)
  }

  const slots = Array.from({ length: size }, (_, slot) => slot + 1)
  let reloading: Promise<unknown> = Promise.resolve()
  const pool: WorkerPool = {
    async listen(wanted) {
      // The same for those that come later: a port that the kernel picks would be another each time.
      const fixed = wanted.port === 0 ? { ...wanted, port: await freePort(wanted.host) } : wanted
      const [first, ...others] = ready()
      if (first === undefined) throw new Error('no worker is ready to listen')
      const taken = await first.peer.call('listen', fixed, startWithinMs)
      address = { ...fixed, port: taken.port }
      for (const { peer } of others) await peer.call('listen', address, startWithinMs)
      return taken
    },
    get listening() {
      return address !== undefined && !draining && ready().length > 0
    },
    get inFlight() {
      let sum = 0
      for (const { report } of members) sum += report.inFlight
      return sum
    },
    forget: (change: Change) => tellAll('forget', change),
    forgetAll: () => tellAll('forgetAll', undefined),
    settled: () => eachReady('settle', undefined, silentAfterMs),
    synced(ageMs) {
      syncedAt = performance.now() - ageMs
      tellAll('synced', ageMs)
    },
    async prepare(config) {
      const next = share(config)
      await Promise.all(ready().map(({ peer }) => peer.call('prepare', next, startWithinMs)))
      return async () => {
        plan = next
        await eachReady('apply', undefined, silentAfterMs)
      }
    },
    abandon: () => tellAll('abandon', undefined),
    targetsUp(configured) {
      const reports = ready().map(({ report }) => report.targetsUp)
      return new Map(
        Object.entries(configured).map(([name, { targets }]) => [
          name,
          targets.map((_, at) => reports.every((report) => report.get(name)?.[at] !== false)),
        ]),
      )
    },
    drain() {
      draining = true
      tellAll('drain', undefined)
    },
    async close() {
      draining = true
      // For ever: who calls has a limit of its own.
      await Promise.all(ready().map(({ peer }) => peer.call('close', undefined, foreverMs).catch(() => undefined)))
    },
    async abortAll() {
      const counts = await Promise.all(
        ready().map(({ peer }) => peer.call('abortAll', undefined, silentAfterMs).catch(() => 0)),
      )
      return counts.reduce((sum, count) => sum + count, 0)
    },
    async destroy() {
      closing = true
      await Promise.all([...members].map(stop))
    },
    async replaceAll() {
      const replaced = reloading.then(async () => {
        for (const old of ready()) {
          if (closing || draining) return
          await add(old.slot)
          await leave(old)
        }
      })
      reloading = replaced.catch(() => undefined)
      return replaced
    },
    async reports() {
      await Promise.all(
        ready().map(async (member) => {
          // One that is busy is shown as it was a second ago.
          member.report = await member.peer.call('report', undefined, silentAfterMs).catch(() => member.report)
        }),
      )
      return [gone, ...[...members].map(({ report }) => report.metrics)]
    },
  }

  try {
    await Promise.all(slots.map(add))
  } catch (error) {
    await pool.destroy()
    throw error
  }
  return pool
}

interface Member {
  /** From 1; whoever replaces it has the same. */
  readonly slot: number
  readonly child: Child
  readonly peer: Peer<WorkerApi>
  readonly exited: Promise<void>
  readonly startedAt: number
  /** `failed`: never became ready. `leaving`: is to end. `silent`: did not answer. */
  state: 'starting' | 'ready' | 'leaving' | 'silent' | 'failed'
  report: WorkerReport
}

const noReport: WorkerReport = { inFlight: 0, metrics: [], targetsUp: new Map() }
const wait = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms).unref())

/** What it has not answered by then it does not answer: callers wait for it. */
const silentAfterMs = 500
const startWithinMs = 30_000
const endWithinMs = 7000
const foreverMs = 2 ** 31 - 1
const soundAfterMs = 5000
const restartFirstMs = 100
const restartMaxMs = 10_000
