import { createPrivateKey } from 'node:crypto'
import { systemClock } from '../clock.ts'
import type { Config } from '../config/schema.ts'
import { createDataPlane, type Traffic } from '../data-plane.ts'
import { type ContextSigner, createContextSigner } from '../gateway/signed-context.ts'
import { compileKeyFormats } from '../keys/format.ts'
import type { Counter } from '../limiter/authority.ts'
import { createLeasingLimiter } from '../limiter/leasing.ts'
import { createLog } from '../log.ts'
import { createEvents } from '../metrics/events.ts'
import { createMetrics, type Metrics } from '../metrics/registry.ts'
import { openOnRedis } from '../open-limiter.ts'
import { openKeyReads } from '../open-store.ts'
import { openTracing } from '../open-tracing.ts'
import { createRecorder, type Recorder } from '../recorder/recorder.ts'
import { version } from '../version.ts'
import { createPeer, type Peer, type Port } from './peer.ts'
import type { PrimaryApi, SharedPlan, WorkerApi, WorkerReport } from './protocol.ts'
import { remoteAuthority } from './remote-authority.ts'
import { remoteAnswerCall, remoteStore } from './remote-store.ts'
import { createSharedFailures } from './shared-failures.ts'

/**
 * The composition root of a worker: the data plane, with the primary behind everything that is not read from the store.
 * It has neither the master key nor a way to write.
 */
export function runWorker(port: Port): void {
  let running: Running | undefined
  let listening: Promise<unknown> | undefined
  let ended: Promise<void> | undefined
  let prepared: Prepared | undefined
  let version = 0
  // One after the other: what was asked first must not be what is prepared last.
  let preparing: Promise<unknown> = Promise.resolve()
  const plane = (): Traffic => {
    if (running === undefined) throw new Error('this worker has not started')
    return running.traffic
  }

  const prepare = async (plan: SharedPlan): Promise<void> => {
    if (plan.version === version || running === undefined) return
    prepared = { version: plan.version, apply: await running.prepare(plan) }
  }

  const api: WorkerApi = {
    async start({ worker, plan }) {
      running = await startPlane(worker, plan, primary)
      version = plan.version
    },
    listen(address) {
      const taken = plane().listen(address)
      listening = taken.catch(() => {})
      return taken
    },
    // Before the start nothing is held that could be out of date.
    forget: (change) => running?.traffic.forget(change),
    forgetAll: () => running?.traffic.forgetAll(),
    settle() {},
    synced: (ageMs) => running?.traffic.synced(ageMs),
    prepare(plan) {
      const done = preparing.then(() => prepare(plan))
      preparing = done.catch(() => {})
      return done
    },
    async apply(wanted) {
      if (wanted === version) return
      if (prepared?.version !== wanted) throw new Error('this configuration was not prepared')
      const { apply } = prepared
      prepared = undefined
      version = wanted
      await apply()
    },
    abandon() {
      running?.traffic.abandon()
      prepared = undefined
    },
    failed: (addresses) => running?.failures.heard(addresses),
    recall: (counters) => running?.recalled(counters),
    drain: () => running?.traffic.drain(),
    async close() {
      await listening
      await plane().close()
    },
    abortAll: () => plane().abortAll(),
    report: () => reportOf(running),
    async end() {
      ended ??= running?.end()
      await ended
      return reportOf(running)
    },
    exit: () => process.exit(0),
  }
  const primary: Peer<PrimaryApi> = createPeer<PrimaryApi>(port, api, (name, error) =>
    running?.events.fault(`worker ${name}`, error),
  )
  primary.tell('hello', undefined)
}

interface Prepared {
  readonly version: number
  readonly apply: () => Promise<void>
}

interface Running {
  readonly config: () => Config
  readonly traffic: Traffic
  readonly metrics: Metrics
  readonly events: ReturnType<typeof createEvents>
  readonly failures: ReturnType<typeof createSharedFailures>
  recalled(counters: readonly Counter[]): void
  prepare(plan: SharedPlan): Promise<() => Promise<void>>
  end(): Promise<void>
}

async function startPlane(worker: number, first: SharedPlan, primary: Peer<PrimaryApi>): Promise<Running> {
  const { config, certificates, workers } = first
  let formats = compileKeyFormats(config.keys)
  let current = config
  let { signingKeys } = first
  const log = createLog({ level: config.log.level, base: { worker }, redact: (text) => formats.redact(text) })
  const metrics = createMetrics({ version })
  const events = createEvents({ log, metrics, requestLines: config.log.requests })
  const clock = systemClock

  const reads = await openKeyReads(config)
  const store = { ...remoteStore(primary), findKeyByHash: reads.findKeyByHash }
  const recorder: Recorder = createRecorder({
    ...{ store, clock, events },
    durability: config.audit.durability,
    queueMax: Math.ceil(config.audit.queue / workers),
    // Half of what it is in one process: the primary's turn comes behind it.
    flushEveryMs: 50,
  })
  const failures = createSharedFailures({ clock, tell: (addresses) => primary.tell('failed', addresses) })

  const authority = remoteAuthority(primary)
  const local = createLeasingLimiter({ authority, clock, leases: () => true })
  const limiter = config.redis === '' ? local : await openOnRedis({ config: () => current, clock, events, local })

  const tracer = await openTracing(process.env, events)
  const traffic = await createDataPlane({
    ...{ config, certificates, clock, events, metrics, store, recorder, tracer },
    limiter,
    // The primary sees each row when it writes it.
    publish: () => {},
    answerCall: remoteAnswerCall(primary),
    signer: (next) => signerFor(next, signingKeys),
    failureGuard: failures.guard,
  })
  const reporting = setInterval(() => {
    reportOf(running).then(
      (report) => primary.tell('report', report),
      (error: unknown) => events.fault('metrics', error),
    )
  }, reportEveryMs)
  const running: Running = {
    ...{ traffic, metrics, events, failures },
    config: () => current,
    recalled: authority.recalled,
    async prepare(plan) {
      signingKeys = plan.signingKeys
      const swap = await traffic.prepare(plan.config, plan.certificates)
      return async () => {
        formats = compileKeyFormats(plan.config.keys)
        current = plan.config
        await swap()
      }
    },
    async end() {
      clearInterval(reporting)
      failures.close()
      await traffic.destroy()
      await recorder.close()
      await Promise.all([limiter.close(), tracer?.close()])
      await reads.close()
      log.flush()
    },
  }
  return running
}

async function reportOf(running: Running | undefined): Promise<WorkerReport> {
  if (running === undefined) return { inFlight: 0, metrics: [], targetsUp: new Map() }
  const { traffic, metrics } = running
  return {
    inFlight: traffic.inFlight,
    metrics: await metrics.report(),
    targetsUp: traffic.targetsUp(running.config().upstreams),
  }
}

async function signerFor({ context }: Config, keys: readonly string[]): Promise<ContextSigner | undefined> {
  if (!context.sign) return undefined
  return createContextSigner(
    keys.map((key) => createPrivateKey(key)),
    systemClock,
  )
}

const reportEveryMs = 1000
