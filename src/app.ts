import { availableParallelism } from 'node:os'
import { setTimeout as wait } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { createCondition } from './admin-api/condition.ts'
import type { AdminContext } from './admin-api/context.ts'
import { dashboard } from './admin-api/dashboard.ts'
import type { DataAddress } from './admin-api/data-url.ts'
import { isOwnHost } from './admin-api/hosts.ts'
import type { LinkMade } from './admin-api/login/accounts.ts'
import { createLogIn } from './admin-api/login/log-in.ts'
import { platform } from './admin-api/platform.ts'
import { createPolicyContext } from './admin-api/policy-context.ts'
import { createReadiness } from './admin-api/readiness.ts'
import { apiKeyRecord, organizationRecord, requestRecord } from './admin-api/records.ts'
import { resources } from './admin-api/resources.ts'
import { createAdminServer } from './admin-api/server.ts'
import { createWaitingPlane } from './admin-api/waiting-plane.ts'
import { announcing } from './bus/announcing.ts'
import { followChanges } from './bus/change-feed.ts'
import { type Clock, systemClock } from './clock.ts'
import { type Certificates, certificateFiles, readCertificates } from './config/certificates.ts'
import { compileCidrs } from './config/cidr.ts'
import { formatProblems, type LoadedConfig } from './config/load.ts'
import { loadApart } from './config/load-apart.ts'
import type { Config } from './config/schema.ts'
import { type ConfigWatch, watchConfig } from './config/watch.ts'
import { createDataPlane, type Traffic } from './data-plane.ts'
import { createReloads } from './gateway/reloads.ts'
import { type ContextSigner, createContextSigner } from './gateway/signed-context.ts'
import { createJobs } from './jobs/jobs.ts'
import { compileKeyFormats } from './keys/format.ts'
import { missingForAnswers, missingMasterKeys, openSecretBox } from './keys/master-key.ts'
import { reencryptSecrets } from './keys/reencrypt.ts'
import { sealInto } from './keys/seal-secret.ts'
import { createLog } from './log.ts'
import { createEvents } from './metrics/events.ts'
import { createMetrics } from './metrics/registry.ts'
import { openLimiter } from './open-limiter.ts'
import { openNodes } from './open-nodes.ts'
import { openSigningKeys } from './open-signing-keys.ts'
import { awaitStore, storeFile } from './open-store.ts'
import { openTracing } from './open-tracing.ts'
import { checkpointFile, readCheckpoint, startCheckpoints } from './recorder/checkpoints.ts'
import { createRecorder } from './recorder/recorder.ts'
import { startRetention } from './recorder/retention.ts'
import { createTail } from './recorder/tail.ts'
import { createApiKeys } from './self-service/api-keys.ts'
import type { RequestRow, Store } from './store/store.ts'
import { createTrailCheck } from './verify-trail.ts'
import { version } from './version.ts'
import { startWebhooks } from './webhooks/webhooks.ts'
import { startWorkers, type WorkerPool } from './workers/pool.ts'
import { primaryApi } from './workers/primary-api.ts'

export interface StartOptions {
  readonly config: LoadedConfig
  /** Read again on reload; left out, `reload` has nothing to do. */
  readonly configFile?: string
  readonly env?: NodeJS.ProcessEnv
  readonly clock?: Clock
  /** Ends the waiting for a store that is not there yet. */
  readonly signal?: AbortSignal
  /** Told of each try to open the store that has failed. */
  readonly waiting?: (reason: string) => void
  /** Takes the lines of the log; stdout when left out. */
  readonly logTo?: { write(line: string): void }
}

/** A start that was called off before the store was there. */
export class StartAborted extends Error {
  override readonly name = 'StartAborted'
}

/** A running gateway. */
export interface App extends AsyncDisposable {
  readonly dataUrl: string
  readonly adminUrl: string
  /** Changes made through it hold for the next request already when their promise resolves. */
  readonly store: Store
  /** The one-time link that makes the first operator; undefined when there is one, or an admin token instead. */
  setupLink(): Promise<LinkMade | undefined>
  /** Reads the file again. A bad file changes nothing. */
  reload(): Promise<ReloadResult>
  /** Starts each worker anew, one after the other. Without workers it does nothing. */
  replaceWorkers(): Promise<void>
  /** Takes no new work, lets what is under way finish in the time that the file gives, and ends the rest. */
  drain(): Promise<void>
  close(): Promise<void>
}

export type ReloadResult = { readonly ok: true } | { readonly ok: false; readonly errors: string }

/**
 * The composition root: builds every part, joins them, and takes them apart in reverse order.
 * @throws when a listener or the store can't be opened; what was opened by then is closed again. StartAborted after the signal.
 */
export async function start({
  config: loaded,
  configFile,
  env = process.env,
  clock = systemClock,
  signal,
  waiting,
  logTo,
}: StartOptions): Promise<App> {
  await using stack = new AsyncDisposableStack()
  const first = loaded.config
  let config = first
  let watch: ConfigWatch | undefined
  let pool: WorkerPool | undefined
  let formats = compileKeyFormats(first.keys)

  const log = createLog({
    level: first.log.level,
    ...(logTo && { destination: logTo }),
    redact: (text) => formats.redact(text),
  })
  stack.defer(() => log.flush())
  const metrics = createMetrics({ version })
  const events = createEvents({ log, metrics, requestLines: first.log.requests })

  const besideStore = storeFile(first)
  // Before the store is waited for: without a key it would be in vain.
  if (besideStore === undefined) openSecretBox({ env, inUse: [] })
  const adminPlane = {
    isOwnHost: (host: string | undefined) =>
      isOwnHost(host, { listen: first.admin.listen.host, hosts: config.admin.hosts }),
    isTrustedProxy: (address: string) => compileCidrs(config.trust_proxy)(address),
    metrics: {
      text: async () => metrics.text(await pool?.reports()),
      contentType: metrics.contentType,
    },
    events,
  }
  const meanwhile = stack.use(
    createWaitingPlane(adminPlane, (address) => events.listening('admin', urlOf('http', address))),
  )
  const rawStore = await awaitStore(first, {
    clock,
    signal,
    async waiting(reason, nextTryMs) {
      events.storeUp(false, reason)
      waiting?.(`${reason} Next try in ${nextTryMs / 1000} s.`)
      await meanwhile.open(first.admin.listen)
    },
  })
  if (rawStore === undefined) throw new StartAborted('ended before the store was there')
  stack.defer(() => rawStore.close())
  // Not before: the store may have been waited for for longer than a certificate holds.
  let certificates = readCertificates(first)
  // The one node on this store: whatever an earlier one had begun and not finished can be begun again at once.
  if (besideStore !== undefined) await rawStore.endIdempotentLeases()
  const inUse = await rawStore.masterKeysInUse()
  const { box, missing } = openSecretBox({ env, ...(besideStore && { file: `${besideStore}.key` }), inUse })
  if (missing.length > 0) events.fault('master keys', new Error(missingMasterKeys(missing)))
  const answers = (await rawStore.masterKeysOfAnswers()).filter(({ masterKeyId: id }) => !box.masterKeyIds.includes(id))
  if (answers.length > 0) events.fault('master keys', new Error(missingForAnswers(answers)))
  const compileFormats = ({ keys }: Config) => compileKeyFormats(keys, keys.reveal ? sealInto(box) : undefined)
  formats = compileFormats(first)

  const neighbours = stack.use(openNodes({ config: first, store: rawStore, clock, events }))
  const { nodes } = neighbours
  let traffic: Traffic | undefined
  const feed = followChanges(rawStore, {
    everyMs: 300,
    clock,
    onChange: (change) => traffic?.forget(change),
    onGap: () => traffic?.forgetAll(),
    settled: async () => traffic?.settled(),
    onReached: (seq) => nodes.reached(seq),
    onSynced: (ageMs) => traffic?.synced(ageMs),
    onUp: () => events.storeUp(true),
    onDown: (error) => events.storeUp(false, error instanceof Error ? error.message : String(error)),
  })
  stack.defer(() => feed.close())
  neighbours.onNudge(() => void feed.pollNow())
  const forgetOrganization = async (id: string): Promise<void> => {
    traffic?.forget({ seq: 0, kind: 'organization', id })
    await traffic?.settled()
  }
  const store = announcing(rawStore, feed, forgetOrganization, () => neighbours.nudge(feed.position()))

  const limiter = await openLimiter({ config: () => config, store, clock, events })
  stack.defer(() => limiter.close())

  const retention = startRetention({ store, clock, events, retentionMs: () => config.audit.retention })
  stack.defer(() => retention.close())

  const tail = createTail()
  const signingKeys = once(() => openSigningKeys(besideStore, box))
  let signer: ContextSigner | undefined
  const signerFor = async ({ context }: Config): Promise<ContextSigner | undefined> => {
    if (context.sign) signer ??= await createContextSigner(signingKeys(), clock)
    return context.sign ? signer : undefined
  }
  const answerCall = createApiKeys({ store, clock, events, config: () => config, formats: () => formats })
  const { durability, queue: queueMax } = first.audit
  const publish = (row: RequestRow): void => tail.publish(row)

  const startTraffic = async (): Promise<Traffic> => {
    // How long rows may wait is a promise in real time, whatever clock decides about requests.
    const recorder = createRecorder({ store, clock: systemClock, events, durability, queueMax })
    stack.defer(() => recorder.close())
    const tracer = await openTracing(env, events)
    stack.defer(async () => tracer?.close())
    const own = { config: first, certificates, clock, events, metrics, store, limiter, recorder, tracer }
    return createDataPlane({ ...own, publish, answerCall, signer: signerFor })
  }
  const startPool = (size: number): Promise<WorkerPool> =>
    startWorkers({
      ...{ config: first, certificates, size, events },
      signingKeys: () => signingKeys().map((key) => key.export({ type: 'pkcs8', format: 'pem' }).toString()),
      api: primaryApi({ store, answerCall, tail }),
      limits: limiter.connect,
    })
  const size = first.workers === 'auto' ? availableParallelism() : first.workers
  if (size > 1) pool = await startPool(size)
  traffic = pool ?? (await startTraffic())
  const carrier = traffic
  stack.defer(() => carrier.destroy())
  await signerFor(first)
  // What was told before there was anybody to hear it.
  await feed.pollNow()
  events.configLoaded('accepted', configFile ?? 'given')

  const webhooks = startWebhooks({
    store,
    box,
    clock,
    events,
    records: { apiKey: apiKeyRecord, organization: organizationRecord },
    allowPrivate: () => config.webhooks.allow_private,
    redact: (text) => formats.redact(text),
    version,
  })
  stack.defer(() => webhooks.close())
  const jobs = createJobs({
    store,
    clock,
    events,
    config: () => config,
    formats: () => formats,
    reencrypt: (options) => reencryptSecrets(store, box, options),
    keyRecord: (key) => apiKeyRecord(key, clock.now()),
    requestRecord,
  })
  stack.defer(() => jobs.close())

  const checkpoints = startCheckpoints({
    file: checkpointFile(first),
    everyMs: first.audit.checkpoints.every,
    store,
    box,
    events,
  })
  stack.defer(() => checkpoints.close())

  const trail = createTrailCheck({
    store: first.store,
    ping: () => store.ping(),
    checkpoint: () => readCheckpoint(checkpointFile(first), box),
  })
  stack.defer(() => trail.close())

  const reloads = createReloads({
    first: loaded,
    file: configFile,
    async load(file) {
      const next = await loadApart(file, env)
      // Of a rejected one too: what is wrong may be a certificate that is about to be written.
      const named = next.ok ? certificateFiles(next.config) : (next.certificates ?? [])
      watch?.also([...certificateFiles(config), ...named])
      return next
    },
    async build(next) {
      const nextFormats = compileFormats(next.config)
      const nextCertificates = readCertificates(next.config, certificates)
      const apply = await carrier.prepare(next.config, nextCertificates)
      return async () => {
        config = next.config
        certificates = nextCertificates
        watch?.also(certificateFiles(next.config))
        formats = nextFormats
        await apply()
      }
    },
    abandon: () => carrier.abandon(),
    store,
    events,
    clock,
  })
  const reload = async (): Promise<ReloadResult> => {
    const outcome = await reloads.reload()
    return outcome.result === 'rejected' ? { ok: false, errors: formatProblems(outcome.problems) } : { ok: true }
  }
  const policy = createPolicyContext({
    reloads,
    limiter,
    env,
    targetsUp: (configured) => carrier.targetsUp(configured),
  })
  stack.defer(() => policy.close())

  let draining = false
  let dataAddress: DataAddress | undefined
  // One for the probes and for those who look: whoever asks at the same time asks the store once.
  const failedChecks = createReadiness(() => ({
    config: true,
    store: store.ping().then(() => true),
    data_listener: carrier.listening,
  }))
  const adminToken = env.SALLYPORT_ADMIN_TOKEN
  const login = createLogIn({ store, clock, adminToken, adminUrl: () => adminUrl })
  const context: AdminContext = {
    store,
    clock,
    events,
    config: () => config,
    formats: () => formats,
    box,
    limiter,
    ...login,
    dataAddress: () => dataAddress,
    condition: createCondition({
      failedChecks,
      draining: () => draining,
      reports: async (names) => [await metrics.report(names), ...((await pool?.reports()) ?? [])],
    }),
    verifyTrail: trail.verify,
    receipt: () => nodes.receipt(feed.position()),
    tail,
    webhooks,
    jobs,
    policy,
  }
  const admin = createAdminServer({
    ...adminPlane,
    plugins: [platform(context, resources), dashboard()],
    draining: () => draining,
    failedChecks,
    ...(first.context.sign ? { jwks: () => signer?.jwks() ?? { keys: [] } } : {}),
  })
  stack.defer(() => admin.close())

  await meanwhile[Symbol.asyncDispose]()
  const adminAddress = await admin.listen(first.admin.listen)
  const adminUrl = urlOf('http', adminAddress)
  events.listening('admin', adminUrl)
  dataAddress = { scheme: first.tls ? 'https' : 'http', ...(await carrier.listen(first.listen)) }
  const dataUrl = urlOf(dataAddress.scheme, dataAddress)
  events.listening('data', dataUrl)
  if (configFile !== undefined) {
    watch = watchConfig(configFile, () => void reload())
    watch.also(certificateFiles(first))
    stack.defer(() => watch?.close())
    if (certificateFiles(first).length > 0) {
      await Promise.race([watch.ready, wait(watchWithinMs, undefined, { ref: false })])
      if (!areAsRead(config, certificates)) await reload()
    }
  }

  const drain = async (): Promise<void> => {
    if (draining) return
    draining = true
    const { drain_delay, drain_timeout } = config.timeouts
    carrier.drain()
    if (drain_delay > 0) {
      events.draining('delay', carrier.inFlight)
      await wait(drain_delay, undefined, { ref: false })
    }
    events.draining('closing', carrier.inFlight)
    const closed = carrier.close()
    const finished = await Promise.race([closed.then(() => true), wait(drain_timeout, false, { ref: false })])
    if (!finished) {
      events.draining('aborted', await carrier.abortAll())
      await carrier.destroy()
      await closed
    }
    events.draining('done', carrier.inFlight)
  }
  const replaceWorkers = async (): Promise<void> => pool?.replaceAll()

  const parts = stack.move()
  const close = async (): Promise<void> => parts.disposeAsync()
  const setupLink = async () => (adminToken ? undefined : login.accounts.createSetupLink())
  return { dataUrl, adminUrl, store, setupLink, reload, replaceWorkers, drain, close, [Symbol.asyncDispose]: close }
}

/** Where it takes longer, a change made meanwhile is not noticed by itself. */
const watchWithinMs = 1000

/** Whether the files still hold what was read from them. Where they hold nothing good, a reload tells what. */
function areAsRead(config: Config, certificates: Certificates): boolean {
  try {
    return isDeepStrictEqual(readCertificates(config, certificates), certificates)
  } catch {
    return false
  }
}

const urlOf = (scheme: string, { host, port }: { host: string; port: number }): string => {
  const name = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host
  return `${scheme}://${name}:${port}`
}

const once = <Value>(make: () => Value): (() => Value) => {
  let made: { readonly value: Value } | undefined
  return () => {
    made ??= { value: make() }
    return made.value
  }
}
