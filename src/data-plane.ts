import type { Clock } from './clock.ts'
import type { Certificates } from './config/certificates.ts'
import { compileCidrs } from './config/cidr.ts'
import type { Address, Config } from './config/schema.ts'
import type { Events } from './events.ts'
import { createAccount } from './gateway/account.ts'
import type { Exchange } from './gateway/exchange.ts'
import { createFinish } from './gateway/finish.ts'
import { createListener } from './gateway/listener.ts'
import { Live } from './gateway/live.ts'
import { LoadShedding, watchEventLoop } from './gateway/load-shedding.ts'
import { compilePlan, type Plan } from './gateway/plan.ts'
import type { ContextSigner } from './gateway/signed-context.ts'
import { createExposureWatch } from './keys/exposure.ts'
import { compileKeyFormats, type KeyFormats } from './keys/format.ts'
import { createKeyLookup } from './keys/lookup.ts'
import { createFailureGuard, type FailureGuard } from './limiter/failures.ts'
import type { Limiter } from './limiter/limiter.ts'
import type { Metrics } from './metrics/registry.ts'
import { createAuthenticate } from './policy/authenticate.ts'
import { UpstreamSet } from './proxy/upstream-set.ts'
import type { Recorder } from './recorder/recorder.ts'
import type { AnswerCall } from './self-service/call.ts'
import { createSelfService } from './self-service/handler.ts'
import { createMe } from './self-service/me.ts'
import type { Change, RequestRow, Store } from './store/store.ts'
import type { RequestTracer } from './tracing/tracing.ts'
import { letRequestsDieYoung } from './young.ts'

/** Whatever carries the traffic: this process, or the workers of it. */
export interface Traffic {
  /** @returns the address it has; port 0 has become a real one. @throws when it can't be had. */
  listen(address: Address): Promise<{ host: string; port: number }>
  readonly listening: boolean
  /** Requests that are not over. */
  readonly inFlight: number
  /** Forgets what a change touches, and judges again what is under way. `settled` tells when that has happened everywhere. */
  forget(change: Change): void
  /** The same for everything: changes were missed. */
  forgetAll(): void
  /** Resolves when no request is accepted any more under a state that was to be forgotten before the call. */
  settled(): Promise<void>
  /** All changes that were committed until `ageMs` ago have been told. */
  synced(ageMs: number): void
  /** Compiles a configuration. It is in force once the function that comes back has been called. @throws on what does not compile. */
  prepare(config: Config, certificates: Certificates): Promise<() => Promise<void>>
  /** Takes down what was prepared, in part or whole, and does not come into force. */
  abandon(): void
  /** Which targets are sent requests, in the order of the file, by upstream. */
  targetsUp(configured: Config['upstreams']): ReadonlyMap<string, readonly boolean[]>
  /** From now on every answer closes its connection. */
  drain(): void
  /** Takes no new connections; resolves when the last one is gone. */
  close(): Promise<void>
  /** Ends what is still under way. @returns how many requests that were. */
  abortAll(): Promise<number>
  /** Breaks every connection and frees everything. */
  destroy(): Promise<void>
}

/** What the data plane needs of the rest of the gateway: little, so that it can have a process of its own. */
export interface DataPlaneParts {
  readonly config: Config
  readonly certificates: Certificates
  readonly clock: Clock
  readonly events: Events
  readonly metrics: Pick<Metrics, 'inFlightFrom' | 'connectionsFrom' | 'retainUpstreams'>
  readonly store: Pick<Store, 'findKeyByHash' | 'appendEvent' | 'revokeKey'>
  readonly limiter: Limiter
  readonly recorder: Pick<Recorder, 'record' | 'admit' | 'finish' | 'touch'>
  /** For those who watch requests live. */
  readonly publish: (row: RequestRow) => void
  readonly answerCall: AnswerCall
  /** Undefined where nothing is signed. */
  readonly signer: (config: Config) => Promise<ContextSigner | undefined>
  /** For each configuration; left out: failures are counted here alone. */
  readonly failureGuard?: (settings: Config['auth_failures']) => FailureGuard
  /** Left out: no traces are exported. */
  readonly tracer?: RequestTracer | undefined
}

/** The data plane in this process. `keys.cache`, `listen`, whether there is `tls`, `timeouts` and `audit.durability` stay as in the first configuration. */
export async function createDataPlane(parts: DataPlaneParts): Promise<Traffic> {
  letRequestsDieYoung()
  const { config: first, clock, events, metrics, store, limiter, recorder } = parts
  const failureGuard = parts.failureGuard ?? ((settings) => ownFailureGuard(settings, clock))
  let config = first
  let formats = compileKeyFormats(first.keys)
  let trusts = compileCidrs(first.trust_proxy)
  let syncedAt = Number.NEGATIVE_INFINITY
  const lastSyncAt = (): number => syncedAt

  const lookup = createKeyLookup({ store, clock, cache: first.keys.cache, lastSyncAt, events })
  const live = new Live({
    clock,
    lookup,
    formats: () => formats,
    lastSyncAt,
    staleMs: () => config.keys.cache.stale_if_store_down,
  })
  const upstreams = new UpstreamSet(clock, events)
  const exposure = createExposureWatch({
    ...{ formats: () => formats, store, clock, events },
    revoke: () => config.keys.revoke_exposed,
  })
  const shedding = new LoadShedding({
    bounds: () => config.overload,
    inFlight: () => listener.inFlight,
    events,
  })
  const isKnown = ({ head }: Exchange): boolean => {
    const key = head.authorizationRepeated
      ? undefined
      : formats.parse(head.authorization?.replace(/^bearer /i, '') ?? '')
    return key !== undefined && lookup.cached(key.sha256()) !== undefined
  }
  const sheds = (exchange: Exchange): boolean => {
    exchange.turnedAway = shedding.refuses(() => isKnown(exchange))
    return exchange.turnedAway
  }
  const account = createAccount({
    ...{ clock, events, recorder, tail: { publish: parts.publish } },
    redact: (text) => formats.redact(text),
  })

  const build = async (next: Config, nextFormats: KeyFormats, { authorities }: Certificates): Promise<Plan> => {
    const signer = next.context.sign ? await parts.signer(next) : undefined
    const failures = failureGuard(next.auth_failures)
    return compilePlan(next, {
      formats: nextFormats,
      sheds,
      authenticate: createAuthenticate({ formats: nextFormats, lookup, failures, clock, events }),
      authenticated: (exchange) => live.add(exchange),
      changesTold: () => live.changesTold,
      confirm: (exchange) => live.confirm(exchange),
      authRetryAfterMs: (address) => failures.retryAfterMs(address),
      limiter,
      finish: createFinish({
        clock,
        live,
        upstreams: upstreams.use(next.upstreams, authorities),
        me: createMe(limiter),
        selfService: createSelfService({ answerCall: parts.answerCall, events }),
        jwks: signer && (() => signer.jwks()),
      }),
      exposed: (text) => exposure.report(text),
      admit: first.audit.durability === 'strict' ? account.admit : undefined,
      signContext: signer?.sign,
      tracer: parts.tracer,
      rateLimited: (limit) => events.rateLimited(limit),
    })
  }
  let plan = await build(config, formats, parts.certificates)
  upstreams.putInForce()

  const listener = createListener(first, {
    certificate: parts.certificates.listener,
    plan: () => plan,
    clock,
    events,
    trusts: (address) => trusts(address),
    finished(exchange) {
      live.delete(exchange)
      account.finished(exchange)
    },
  })

  const endWatch = watchEventLoop((lateMs) => shedding.sample(lateMs))
  metrics.inFlightFrom(() => listener.inFlight)
  metrics.connectionsFrom(() => listener.connections)

  return {
    listen: (address) => listener.listen(address),
    get listening() {
      return listener.listening
    },
    get inFlight() {
      return listener.inFlight
    },
    forget(change) {
      lookup.invalidate(change)
      live.recheck(change)
    },
    forgetAll() {
      lookup.invalidateAll()
      live.recheckAll()
    },
    settled: () => Promise.resolve(),
    synced(ageMs) {
      syncedAt = clock.monotonic() - ageMs
    },
    async prepare(next, certificates) {
      const nextFormats = compileKeyFormats(next.keys)
      const renew = listener.renew(certificates.listener)
      const nextPlan = await build(next, nextFormats, certificates)
      const nextTrusts = compileCidrs(next.trust_proxy)
      return async () => {
        // One step: a request has the whole old plan or the whole new one.
        config = next
        formats = nextFormats
        plan = nextPlan
        trusts = nextTrusts
        renew()
        upstreams.putInForce()
        metrics.retainUpstreams((name, origin) => upstreams.has(name, origin))
      }
    },
    abandon: () => upstreams.abandon(),
    targetsUp: (configured) => upstreams.targetsUp(configured),
    drain: () => listener.drain(),
    close: () => listener.close(),
    abortAll: async () => live.abortAll(),
    async destroy() {
      listener.destroy()
      endWatch()
      live.close()
      await exposure.close()
      await upstreams.destroy()
    },
  }
}

const ownFailureGuard = ({ requests, per: perMs }: Config['auth_failures'], clock: Clock): FailureGuard =>
  createFailureGuard({ clock, requests, perMs })
