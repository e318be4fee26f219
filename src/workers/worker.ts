import { createPrivateKey } from 'node:crypto'
import { systemClock } from '../clock.ts'
import type { Config } from '../config/schema.ts'
import { createDataPlane, type Traffic } from '../data-plane.ts'
import { type ContextSigner, createContextSigner } from '../gateway/signed-context.ts'
import { compileKeyFormats } from '../keys/format.ts'
import { createLog } from '../log.ts'
import { createEvents } from '../metrics/events.ts'
import { createMetrics, type Metrics } from '../metrics/registry.ts'
import { openOnRedis } from '../open-limiter.ts'
import { openKeyReads } from '../open-store.ts'
import { createRecorder, type Recorder } from '../recorder/recorder.ts'
import { version } from '../version.ts'
import { createPeer, type Peer, type Port } from './peer.ts'
import type { PrimaryApi, SharedPlan, WorkerApi, WorkerReport } from './protocol.ts'
import { remoteLimiter } from './remote-limiter.ts'
import { remoteStore } from './remote-store.ts'
import { createSharedFailures } from './shared-failures.ts'

/**
 * The composition root of a worker: the data plane, with the primary behind everything that is not read from the store.
 * It has neither the master key nor a way to write.
 */
export function runWorker(port: Port): void {
  let running: Running | undefined
  const plane = (): Traffic => {
    if (running === undefined) throw new Error('this worker has not started')
    return running.traffic
  }
  let apply: (() => Promise<void>) | undefined

  const api: WorkerApi = {
    async start({ worker, plan }) {
      running = await startPlane(worker, plan, primary)
    },
    listen: (address) => plane().listen(address),
    // Before the start nothing is held that could be out of date.
    forget: (change) => running?.traffic.forget(change),
    forgetAll: () => running?.traffic.forgetAll(),
    settle() {},
    synced: (ageMs) => running?.traffic.synced(ageMs),
    async prepare(plan) {
      apply = await running?.prepare(plan)
    },
    async apply() {
      await apply?.()
      apply = undefined
    },
    abandon() {
      running?.traffic.abandon()
      apply = undefined
    },
    failed: (addresses) => running?.failures.heard(addresses),
    drain: () => running?.traffic.drain(),
    close: () => plane().close(),
    abortAll: () => plane().abortAll(),
    report: () => reportOf(running),
    async end() {
      await running?.end()
      primary.tell('report', await reportOf(running))
      // Behind the report in the same channel: when it is gone, the report has left.
      setImmediate(() => process.exit(0))
    },
  }
  const primary: Peer<PrimaryApi> = createPeer<PrimaryApi>(port, api, (name, error) =>
    running?.events.fault(`worker ${name}`, error),
  )
}

interface Running {
  readonly config: () => Config
  readonly traffic: Traffic
  readonly metrics: Metrics
  readonly events: ReturnType<typeof createEvents>
  readonly failures: ReturnType<typeof createSharedFailures>
  prepare(plan: SharedPlan): Promise<() => Promise<void>>
  end(): Promise<void>
}

async function startPlane(worker: number, first: SharedPlan, primary: Peer<PrimaryApi>): Promise<Running> {
  const { config, workers } = first
  let formats = compileKeyFormats(config.keys)
  let current = config
  let { signingKeys } = first
  const log = createLog({ level: config.log.level, base: { worker }, redact: (text) => formats.redact(text) })
  const metrics = createMetrics({ version })
  const events = createEvents({ log, metrics, requestLines: config.log.requests })
  const clock = systemClock

  const reads = openKeyReads(config)
  const store = { ...remoteStore(primary), findKeyByHash: reads.findKeyByHash }
  const recorder: Recorder = createRecorder({
    ...{ store, clock, events },
    durability: config.audit.durability,
    queueMax: Math.ceil(config.audit.queue / workers),
    // Half of what it is in one process: the primary's turn comes behind it.
    flushEveryMs: 50,
  })
  const failures = createSharedFailures({ clock, tell: (addresses) => primary.tell('failed', addresses) })

  const limiter =
    config.redis === '' ? remoteLimiter(primary) : await openOnRedis({ config: () => current, clock, events })

  const traffic = await createDataPlane({
    ...{ config, clock, events, metrics, store, recorder },
    limiter,
    // The primary sees each row when it writes it.
    publish: () => {},
    answerCall: (call) => primary.call('answerCall', call),
    signer: (next) => signerFor(next, signingKeys),
    failureGuard: failures.guard,
  })
  const reporting = setInterval(() => {
    void reportOf(running).then((report) => primary.tell('report', report))
  }, reportEveryMs)
  const running: Running = {
    ...{ traffic, metrics, events, failures },
    config: () => current,
    async prepare(plan) {
      signingKeys = plan.signingKeys
      const swap = await traffic.prepare(plan.config)
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
      await limiter.close()
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
