import type { Certificates } from '../config/certificates.ts'
import type { Address, Config } from '../config/schema.ts'
import type { Traffic } from '../data-plane.ts'
import type { MetricsReport } from '../metrics/report.ts'
import { type CrewOptions, createCrew, type Member, silentAfterMs, startWithinMs, type Wanted } from './crew.ts'
import { forkWorker } from './fork.ts'
import { freePort } from './free-port.ts'
import { PeerGone, PeerSilent } from './peer.ts'
import type { SharedPlan } from './protocol.ts'
import { planSharing } from './shared-plan.ts'

export interface WorkerPoolOptions extends Omit<CrewOptions, 'wanted' | 'fork'> {
  readonly config: Config
  readonly certificates: Certificates
  /** PEM of the keys that sign contexts, the one in use first; asked where `context.sign` is on. */
  readonly signingKeys: () => readonly string[]
  readonly fork?: CrewOptions['fork']
}

export interface WorkerPool extends Traffic {
  /** Starts each anew, one after the other, so that there are always as many as there should be. */
  replaceAll(): Promise<void>
  /** What they count, and what those counted that have ended. */
  reports(): Promise<MetricsReport[]>
}

/**
 * The data plane in processes of its own, which share the listening sockets.
 * @throws when the first of them can't be started.
 */
export async function startWorkers({ fork = forkWorker, ...options }: WorkerPoolOptions): Promise<WorkerPool> {
  const share = planSharing({ first: options.config, ...options })
  const wanted: Wanted = {
    plan: share(options.config, options.certificates),
    address: undefined,
    syncedAt: Number.NEGATIVE_INFINITY,
    draining: false,
    closing: false,
  }
  const crew = createCrew({ ...options, fork, wanted })

  /** @throws what is wrong with the configuration; what is wrong with the worker is not. */
  const prepare = async (member: Member, plan: SharedPlan): Promise<void> => {
    try {
      await member.peer.call('prepare', plan, startWithinMs)
      member.prepared = plan.version
    } catch (error) {
      if (error instanceof PeerSilent) return crew.end(member)
      if (!(error instanceof PeerGone)) throw error
    }
  }

  const apply = async (member: Member, plan: SharedPlan): Promise<void> => {
    try {
      // It came when the others had been asked.
      if (member.prepared !== plan.version) await member.peer.call('prepare', plan, startWithinMs)
      await member.peer.call('apply', plan.version, silentAfterMs)
    } catch {
      await crew.end(member)
    }
  }

  /** By one of them first: whether it can be had at all. */
  const listenFirst = async (address: Address): Promise<Address> => {
    for (const member of crew.ready()) {
      member.carries = true
      try {
        const taken = await member.peer.call('listen', address, startWithinMs)
        return { ...address, port: taken.port }
      } catch (error) {
        if (!(error instanceof PeerSilent || error instanceof PeerGone)) throw error
        await crew.end(member)
      }
    }
    throw new Error('no worker is ready to listen')
  }

  const closeOne = async ({ state, left, peer }: Member): Promise<void> => {
    // For ever: who calls has a limit of its own.
    if (state === 'leaving') await left
    else await peer.call('close', undefined, foreverMs).catch(() => undefined)
  }

  const replaceAll = oneAtATime(() => crew.replaceAll())

  const pool: WorkerPool = {
    async listen(asked) {
      for (let tries = 1; ; tries++) {
        // The same for those that come later: a port that the kernel picks would be another each time.
        const fixed = asked.port === 0 ? { ...asked, port: await freePort(asked.host) } : asked
        try {
          wanted.address = await listenFirst(fixed)
          break
        } catch (error) {
          if (asked.port !== 0 || tries === portTriesMax || !isTaken(error)) throw error
        }
      }
      const { address } = wanted
      await Promise.all(
        crew.ready().map(async (member) => {
          if (member.carries) return
          member.carries = true
          await member.peer.call('listen', address, startWithinMs).catch(() => crew.end(member))
        }),
      )
      return address
    },
    get listening() {
      return wanted.address !== undefined && !wanted.draining && crew.ready().length > 0
    },
    get inFlight() {
      let sum = 0
      for (const { report } of crew.members) sum += report.inFlight
      return sum
    },
    forget: (change) => crew.tellAll('forget', change),
    forgetAll: () => crew.tellAll('forgetAll', undefined),
    settled: () => crew.askAll('settle', undefined, silentAfterMs),
    synced(ageMs) {
      wanted.syncedAt = performance.now() - ageMs
      crew.tellAll('synced', ageMs)
    },
    async prepare(config, certificates) {
      const plan = share(config, certificates)
      // Those that do not answer at all are not waited for as long as a large configuration may take.
      await crew.askAll('settle', undefined, silentAfterMs)
      await Promise.all(crew.carrying().map((member) => prepare(member, plan)))
      return async () => {
        wanted.plan = plan
        await Promise.all(crew.carrying().map((member) => apply(member, plan)))
      }
    },
    abandon: () => crew.tellAll('abandon', undefined),
    targetsUp(configured) {
      const reports = crew.ready().map(({ report }) => report.targetsUp)
      return new Map(
        Object.entries(configured).map(([name, { targets }]) => [
          name,
          targets.map((_, at) => reports.every((report) => report.get(name)?.[at] !== false)),
        ]),
      )
    },
    drain() {
      wanted.draining = true
      crew.tellAll('drain', undefined)
    },
    async close() {
      wanted.draining = wanted.closing = true
      await Promise.all(crew.carrying().map(closeOne))
    },
    async abortAll() {
      const counts = await Promise.all(
        crew.carrying().map(({ peer }) => peer.call('abortAll', undefined, silentAfterMs).catch(() => 0)),
      )
      return counts.reduce((sum, count) => sum + count, 0)
    },
    async destroy() {
      wanted.closing = true
      await crew.stopAll()
    },
    replaceAll,
    async reports() {
      await Promise.all(
        crew.ready().map(async (member) => {
          // One that is busy is shown as it was a second ago.
          member.report = await member.peer.call('report', undefined, silentAfterMs).catch(() => member.report)
        }),
      )
      return crew.metrics()
    },
  }

  try {
    await crew.startAll()
  } catch (error) {
    await pool.destroy()
    throw error
  }
  return pool
}

/** Whoever calls during a run gets one that begins after it, together with all who call meanwhile. */
function oneAtATime(run: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  let queued: Promise<void> | undefined
  const start = (): Promise<void> => {
    if (running !== undefined) {
      queued ??= running
        .catch(() => {})
        .then(() => {
          queued = undefined
          return start()
        })
      return queued
    }
    running = run().finally(() => {
      running = undefined
    })
    return running
  }
  return start
}

const isTaken = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'

const portTriesMax = 5
const foreverMs = 2 ** 31 - 1
