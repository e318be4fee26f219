import type { ErrorCode } from '../errors.ts'
import type { Wire } from './wire.ts'

/** One admitted request on its way to an upstream, as the data plane describes it. */
export interface Outbound {
  readonly wire: Wire
  readonly method: string
  /** Path and query, exactly as judged. */
  readonly upstreamTarget: string
  /** Flat name-value pairs, without framing and hop-by-hop headers. */
  readonly upstreamHeaders: string[]
  /** Undefined for a chunked body, and where there is none. */
  readonly contentLength: number | undefined
  /** Protocol to upgrade to, undefined for an ordinary request. */
  readonly upgrade: string | undefined
  readonly bodyBytesMax: number
  readonly bodyIdleMs: number
  /** Fewest bytes a second. */
  readonly bodyRateMin: number
  /** Whose share of the upstream's connections it is. */
  readonly caller: string
  readonly corsIsOurs: boolean
  /** What the gateway adds to the response, flat. */
  responseHeaders(): string[]
  /** The upstream can't answer, and nothing was sent to the caller yet. */
  fail(code: ErrorCode): void
  /** The response head goes to the caller now. */
  answered(status: number): void
  /** What was answered is broken off, and why; not where the caller left. */
  brokenOff(code: ErrorCode): void
}
