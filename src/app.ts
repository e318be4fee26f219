import type { AdminContext } from './admin-api/context.ts'
import { isOwnHost } from './admin-api/hosts.ts'
import type { LinkMade } from './admin-api/login/accounts.ts'
import { createLogIn } from './admin-api/login/log-in.ts'
import { platform } from './admin-api/platform.ts'
import { createPolicyContext } from './admin-api/policy-context.ts'
import { apiKeyRecord, organizationRecord, requestRecord } from './admin-api/records.ts'
import { resources } from './admin-api/resources.ts'
import { createAdminServer } from './admin-api/server.ts'
import { announcing } from './bus/announcing.ts'
import { followChanges } from './bus/change-feed.ts'
import { type Clock, systemClock } from './clock.ts'
import { compileCidrs } from './config/cidr.ts'
import { formatProblems, type LoadedConfig } from './config/load.ts'
import { loadApart } from './config/load-apart.ts'
import type { Config } from './config/schema.ts'
import { watchConfig } from './config/watch.ts'
import { createAccount } from './gateway/account.ts'
import { createFinish } from './gateway/finish.ts'
import { createListener } from './gateway/listener.ts'
import { Live } from './gateway/live.ts'
import { compilePlan, type Plan } from './gateway/plan.ts'
import { createReloads } from './gateway/reloads.ts'
import { type ContextSigner, createContextSigner, openSigningKey, signingKeyFrom } from './gateway/signed-context.ts'
import { createJobs } from './jobs/jobs.ts'
import { createExposureWatch } from './keys/exposure.ts'
import { compileKeyFormats, type KeyFormats } from './keys/format.ts'
import { createKeyLookup } from './keys/lookup.ts'
import { missingForAnswers, missingMasterKeys, openSecretBox } from './keys/master-key.ts'
import { reencryptSecrets } from './keys/reencrypt.ts'
import { sealInto } from './keys/seal-secret.ts'
import type { SecretBox } from './keys/secret-box.ts'
import { createFailureGuard } from './limiter/failures.ts'
import { createLog } from './log.ts'
import { createEvents } from './metrics/events.ts'
import { createMetrics } from './metrics/registry.ts'
import { openLimiter } from './open-limiter.ts'
import { awaitStore, storeFile } from './open-store.ts'
import { createAuthenticate } from './policy/authenticate.ts'
import { UpstreamSet } from './proxy/upstream-set.ts'
import { checkpointFile, readCheckpoint, startCheckpoints } from './recorder/checkpoints.ts'
import { createRecorder } from './recorder/recorder.ts'
import { startRetention } from './recorder/retention.ts'
import { createTail } from './recorder/tail.ts'
import { createApiKeys } from './self-service/api-keys.ts'
import { createMe } from './self-service/me.ts'
import type { Change, Store } from './store/store.ts'
import { verifyEvents } from './store/verify-events.ts'
import { version } from './version.ts'
import { startWebhooks } from './webhooks/webhooks.ts'

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
}: StartOptions): Promise<App> {
  await using stack = new AsyncDisposableStack()
  const first = loaded.config
  let config = first
  let formats = compileKeyFormats(first.keys)

  const log = createLog({ level: first.log.level, redact: (text) => formats.redact(text) })
  stack.defer(() => log.flush())
  const metrics = createMetrics({ version })
  const events = createEvents({ log, metrics, requestLines: first.log.requests })

  const besideStore = storeFile(first)
  // Before the store is waited for: without a key it would be in vain.
  if (besideStore === undefined) openSecretBox({ env, inUse: [] })
  const rawStore = await awaitStore(first, {
    clock,
    signal,
    waiting(reason, nextTryMs) {
      events.storeUp(false, reason)
      waiting?.(`${reason} Next try in ${nextTryMs / 1000} s.`)
    },
  })
  if (rawStore === undefined) throw new StartAborted('ended before the store was there')
  stack.defer(() => rawStore.close())
  // The one process on this store: whatever an earlier one had begun and not finished can be begun again at once.
  await rawStore.endIdempotentLeases()
  const inUse = await rawStore.masterKeysInUse()
  const { box, missing } = openSecretBox({ env, ...(besideStore && { file: `${besideStore}.key` }), inUse })
  if (missing.length > 0) events.fault('master keys', new Error(missingMasterKeys(missing)))
  const answers = (await rawStore.masterKeysOfAnswers()).filter(({ masterKeyId: id }) => !box.masterKeyIds.includes(id))
  if (answers.length > 0) events.fault('master keys', new Error(missingForAnswers(answers)))
  const compileFormats = ({ keys }: Config) => compileKeyFormats(keys, keys.reveal ? sealInto(box) : undefined)
  formats = compileFormats(first)

  const lookup = createKeyLookup({
    store: rawStore,
    clock,
    cache: first.keys.cache,
    lastSyncAt: () => feed.lastSyncAt(),
    events,
  })
  const live = new Live({
    clock,
    lookup,
    formats: () => formats,
    lastSyncAt: () => feed.lastSyncAt(),
    staleMs: () => config.keys.cache.stale_if_store_down,
  })
  stack.defer(() => live.close())
  const changed = (change: Change): void => {
    lookup.invalidate(change)
    live.recheck(change)
  }
  const feed = followChanges(rawStore, {
    everyMs: 300,
    clock,
    onChange: changed,
    onGap() {
      lookup.invalidateAll()
      live.recheckAll()
    },
    onUp: () => events.storeUp(true),
    onDown: (error) => events.storeUp(false, error instanceof Error ? error.message : String(error)),
  })
  stack.defer(() => feed.close())
  const store = announcing(rawStore, feed, (id) => changed({ seq: 0, kind: 'organization', id }))

  const limiter = await openLimiter({ config: () => config, store, clock, events })
  stack.defer(() => limiter.close())

  const { durability, queue: queueMax } = first.audit
  // How long rows may wait is a promise in real time, whatever clock decides about requests.
  const recorder = createRecorder({ store, clock: systemClock, events, durability, queueMax })
  stack.defer(() => recorder.close())
  const retention = startRetention({ store, clock, events, retentionMs: () => config.audit.retention })
  stack.defer(() => retention.close())

  const upstreams = new UpstreamSet(clock, events)
  stack.defer(() => upstreams.destroy())
  const exposure = createExposureWatch({
    formats: () => formats,
    store,
    clock,
    events,
    revoke: () => config.keys.revoke_exposed,
  })
  stack.defer(() => exposure.close())

  const tail = createTail()
  let signer: ContextSigner | undefined
  const account = createAccount({ clock, events, recorder, tail, redact: (text) => formats.redact(text) })

  const build = async (next: Config, nextFormats: KeyFormats): Promise<Plan> => {
    if (next.context.sign) signer ??= await createContextSigner(...signingKeys(besideStore, box, clock))
    const failures = createFailureGuard({ clock, requests: next.auth_failures.requests, perMs: next.auth_failures.per })
    return compilePlan(next, {
      formats: nextFormats,
      authenticate: createAuthenticate({ formats: nextFormats, lookup, failures, clock, events }),
      authenticated: (exchange) => live.add(exchange),
      authRetryAfterMs: (address) => failures.retryAfterMs(address),
      limiter,
      finish: createFinish({
        clock,
        live,
        upstreams: upstreams.use(next.upstreams),
        me: createMe(limiter),
        selfService: createApiKeys({ store, clock, events, formats: () => formats }),
        jwks: next.context.sign ? signer?.jwks : undefined,
      }),
      exposed: (text) => exposure.report(text),
      admit: durability === 'strict' ? account.admit : undefined,
      signContext: next.context.sign ? signer?.sign : undefined,
      rateLimited: (limit) => events.rateLimited(limit),
    })
  }
  let plan = await build(config, formats)
  events.configLoaded('accepted', configFile ?? 'given')

  const listener = createListener(first, {
    plan: () => plan,
    clock,
    events,
    finished(exchange) {
      live.delete(exchange)
      account.finished(exchange)
    },
  })
  stack.defer(() => listener.destroy())
  metrics.inFlightFrom(() => listener.inFlight)

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

  const reloads = createReloads({
    first: loaded,
    file: configFile,
    load: (file) => loadApart(file, env),
    async build(next) {
      const nextFormats = compileFormats(next.config)
      const nextPlan = await build(next.config, nextFormats)
      return () => {
        // One step: a request has the whole old plan or the whole new one.
        config = next.config
        formats = nextFormats
        plan = nextPlan
        upstreams.closeUnused()
        metrics.retainUpstreams((name, origin) => upstreams.has(name, origin))
      }
    },
    abandon() {
      upstreams.use(config.upstreams)
      upstreams.closeUnused()
    },
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
    targetsUp: (configured) => upstreams.targetsUp(configured),
  })
  stack.defer(() => policy.close())

  let draining = false
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
    verifyTrail: async () => {
      const checkpoint = await readCheckpoint(checkpointFile(first), box)
      return verifyEvents((after, limit) => store.listEventChain(after, limit), checkpoint)
    },
    tail,
    webhooks,
    jobs,
    policy,
  }
  const admin = createAdminServer({
    plugins: [platform(context, resources)],
    isOwnHost: (host) => isOwnHost(host, { listen: first.admin.listen.host, hosts: config.admin.hosts }),
    isTrustedProxy: (address) => compileCidrs(config.trust_proxy)(address),
    metrics,
    events,
    draining: () => draining,
    ready: () => ({ config: true, store: store.ping().then(() => true), data_listener: listener.listening }),
    ...(first.context.sign ? { jwks: () => signer?.jwks() ?? { keys: [] } } : {}),
  })
  stack.defer(() => admin.close())

  const adminAddress = await admin.listen(first.admin.listen)
  const adminUrl = urlOf('http', adminAddress)
  events.listening('admin', adminUrl)
  const dataUrl = urlOf(first.tls ? 'https' : 'http', await listener.listen(first.listen))
  events.listening('data', dataUrl)
  if (configFile !== undefined) {
    const watch = watchConfig(configFile, () => void reload())
    stack.defer(() => watch.close())
  }

  const drain = async (): Promise<void> => {
    if (draining) return
    draining = true
    const { drain_delay, drain_timeout } = config.timeouts
    listener.drain()
    if (drain_delay > 0) {
      events.draining('delay', listener.inFlight)
      await wait(drain_delay)
    }
    events.draining('closing', listener.inFlight)
    const closed = listener.close()
    const finished = await Promise.race([closed.then(() => true), wait(drain_timeout).then(() => false)])
    if (!finished) {
      events.draining('aborted', live.abortAll())
      listener.destroy()
      await closed
    }
    events.draining('done', listener.inFlight)
  }

  const parts = stack.move()
  const close = async (): Promise<void> => parts.disposeAsync()
  const setupLink = async () => (adminToken ? undefined : login.accounts.createSetupLink())
  return { dataUrl, adminUrl, store, setupLink, reload, drain, close, [Symbol.asyncDispose]: close }
}

/** Beside the store where it is one node's own; else the same on every node, from the master keys that they share. */
function signingKeys(
  besideStore: string | undefined,
  box: SecretBox,
  clock: Clock,
): Parameters<typeof createContextSigner> {
  if (besideStore !== undefined) return [openSigningKey(`${besideStore}.context.pem`), clock]
  const [current, ...retired] = box.deriveBytes('signed context').map(signingKeyFrom)
  if (current === undefined) throw new Error('a box has a master key')
  return [current, clock, retired]
}

const urlOf = (scheme: string, { host, port }: { host: string; port: number }): string => {
  const name = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host
  return `${scheme}://${name}:${port}`
}

const wait = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms).unref()
  })
