import type { ErrorCode } from '../errors.ts'
import type { RequestRow } from '../store/store.ts'
import { readTraceContext, type TraceContext } from './trace-context.ts'

/** The trace that one request belongs to. */
export interface Trace {
  readonly traceId: string
  /** Ours; where nothing is recorded here, the caller's. */
  readonly spanId: string
  /** Whether `end` makes something of what it is told. */
  readonly recorded: boolean
  /** The request goes to an upstream now. @param headers flat; gets what the upstream is told. @param afterMs since it came in. */
  forward(headers: string[], afterMs: number): void
  /** Once, when the request is over. */
  end(facts: RequestFacts): void
}

/** What a span tells of a request: ids, never a name, a query or a header that a client sent whole. */
export interface RequestFacts {
  readonly row: RequestRow
  readonly secure: boolean
  /** The Host header, redacted. */
  readonly host: string | undefined
  /** The other end of the connection. */
  readonly peer: string
  /** What it was refused or broken off with. */
  readonly code: ErrorCode | undefined
  /** It was over before its answer was. */
  readonly aborted: boolean
  /** Where it was sent to; undefined when it got no further than here. */
  readonly upstream: { readonly name: string; readonly origin: string; readonly path: string } | undefined
}

/** Records requests. */
export interface RequestTracer {
  /**
   * @param at wall clock, milliseconds. @param parent undefined: a trace begins here.
   * @param mayAsk whether the caller decides, by its sampled flag, that the request is recorded.
   */
  begin(at: number, parent: TraceContext | undefined, mayAsk: boolean): Trace
}

/** `never`, peers in trust_proxy alone, everybody's ids but not their wish to be recorded, or both. */
export type Accepts = 'never' | 'trusted' | 'ids' | 'always'

/** @returns undefined where there is no trace to speak of. @param trusted whether the peer is one of trust_proxy. */
export type BeginTrace = (
  traceparent: string | undefined,
  tracestate: string | undefined,
  trusted: boolean,
  at: number,
) => Trace | undefined

export interface BeginTraceOptions {
  readonly accepts: Accepts
  readonly containsKey: (text: string) => boolean
  /** Undefined where nothing is recorded: a valid context goes on as it came, and none is begun. */
  readonly tracer: RequestTracer | undefined
}

/** How a request gets its trace. Without a tracer and without a traceparent it costs two comparisons. */
export function compileBeginTrace({ accepts, containsKey, tracer }: BeginTraceOptions): BeginTrace {
  const isAccepted = (trusted: boolean): boolean => accepts !== 'never' && (trusted || accepts !== 'trusted')
  return (traceparent, tracestate, trusted, at) => {
    if (traceparent === undefined && tracer === undefined) return undefined
    const parent =
      traceparent !== undefined && isAccepted(trusted) && !containsKey(traceparent)
        ? readTraceContext(traceparent, tracestate)
        : undefined
    if (tracer !== undefined) return tracer.begin(at, parent, trusted || accepts === 'always')
    return parent && new PassedTrace(parent)
  }
}

/** Nothing is recorded here, so that nothing may be changed either: the API continues what the caller has begun. */
class PassedTrace implements Trace {
  readonly #context: TraceContext
  readonly recorded = false

  constructor(context: TraceContext) {
    this.#context = context
  }

  get traceId(): string {
    return this.#context.traceId
  }

  get spanId(): string {
    return this.#context.parentId
  }

  forward(headers: string[]): void {
    const { traceparent, tracestate } = this.#context
    headers.push('traceparent', traceparent)
    if (tracestate !== undefined) headers.push('tracestate', tracestate)
  }

  end(): void {}
}
