import type { Clock } from '../clock.ts'
import type { Events } from '../events.ts'
import type { Recorder } from '../recorder/recorder.ts'
import type { Tail } from '../recorder/tail.ts'
import type { RequestRow } from '../store/store.ts'
import type { RequestFacts } from '../tracing/tracing.ts'
import type { Exchange } from './exchange.ts'
import { isHost } from './host.ts'

export interface AccountDependencies {
  readonly clock: Clock
  readonly events: Pick<Events, 'requestFinished'>
  readonly recorder: Pick<Recorder, 'record' | 'finish' | 'touch' | 'admit'>
  /** Those who watch. */
  readonly tail: Pick<Tail, 'publish'>
  /** Puts `[secret]` in the place of everything shaped like one of our keys. */
  readonly redact: (text: string) => string
}

type Upstream = RequestFacts['upstream']

/** Step 11: the request log, metrics and `last_used_at`, for every request, refused and broken-off ones included. */
export function createAccount({ clock, events, recorder, tail, redact }: AccountDependencies) {
  const rowOf = (exchange: Exchange): RequestRow => {
    const { arrival, key, forwarding, raw } = exchange
    const durationMs = clock.monotonic() - arrival.startedAt
    const upstreamMs =
      forwarding?.startedAt === undefined ? null : (forwarding.headAt ?? clock.monotonic()) - forwarding.startedAt
    const userAgent = exchange.head.userAgent
    return {
      id: arrival.id,
      at: arrival.at,
      organizationId: key?.organization.id ?? null,
      keyId: key?.keyId ?? null,
      method: raw.method,
      // Cut after, not before: half a key is still a secret, and no longer looks like one.
      path: redact(exchange.path || pathAsSent(raw.target)).slice(0, textMax),
      route: exchange.route?.label ?? null,
      status: exchange.status,
      code: exchange.code ?? null,
      durationMs: round(durationMs),
      upstreamMs: upstreamMs === null ? null : round(upstreamMs),
      bytesIn: forwarding?.bytesIn ?? 0,
      bytesOut: exchange.wire.bytesOut,
      ip: exchange.address,
      userAgent: userAgent === undefined ? null : redact(userAgent).slice(0, textMax),
      requestId: exchange.requestId,
      shadowCode: exchange.shadowCode ?? null,
    }
  }

  const upstreamOf = ({ route, forwarding, upstreamTarget }: Exchange): Upstream => {
    const origin = forwarding?.target?.origin
    if (origin === undefined) return undefined
    return { name: route?.upstreamName ?? '', origin, path: redact(pathAsSent(upstreamTarget)).slice(0, textMax) }
  }

  const factsOf = (exchange: Exchange, row: RequestRow): RequestFacts => {
    const { arrival, raw, gone, code } = exchange
    const host = hostAsSent(raw.headers)
    const { secure, peer } = arrival
    return { row, host: host && redact(host), secure, peer, code, aborted: gone, upstream: upstreamOf(exchange) }
  }

  return {
    /** Commits the decision to let it pass. @returns false when that can't be done now. */
    admit(exchange: Exchange): Promise<boolean> {
      return recorder.admit(rowOf(exchange)).then((admitted) => {
        exchange.admitted = admitted
        return admitted
      })
    },

    finished(exchange: Exchange): void {
      const row = rowOf(exchange)
      if (exchange.admitted) recorder.finish(row)
      else recorder.record(row)
      tail.publish(row)
      if (exchange.key !== undefined) recorder.touch(exchange.key.secretId, exchange.arrival.at)
      const handedOverAt = exchange.forwarding?.startedAt
      // What comes after the request was handed over is the upstream's time and the caller's, not ours.
      const overheadMs = handedOverAt === undefined ? row.durationMs : handedOverAt - exchange.arrival.startedAt
      events.requestFinished(row, exchange.route?.upstreamName ?? null, overheadMs, exchange.trace)
      if (exchange.trace?.recorded) exchange.trace.end(factsOf(exchange, row))
    },
  }
}

const textMax = 1024

/** Three decimals: a microsecond is as much as the clock knows. */
const round = (ms: number): number => Math.round(ms * 1000) / 1000

/** What a refused target looks like in the log: without its query, which may be the reason it was refused for. */
const pathAsSent = (target: string): string => target.split(/[?#]/, 1)[0] ?? ''

/**
 * With its capitals: in small letters it could be half of a key that looks like none.
 * @returns undefined where there is none, or none that is valid.
 */
function hostAsSent(headers: readonly string[]): string | undefined {
  const hosts = headers.filter((_, index) => index % 2 === 1 && /^host$/i.test(headers[index - 1] ?? ''))
  const [host = ''] = hosts
  return hosts.length === 1 && isHost(host.toLowerCase()) ? host : undefined
}
