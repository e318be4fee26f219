import { randomUUID } from 'node:crypto'
import { type Context, ROOT_CONTEXT, type Span, SpanKind, SpanStatusCode, type Tracer, trace } from '@opentelemetry/api'
import { defaultResource, resourceFromAttributes } from '@opentelemetry/resources'
import { TracerProvider } from '@opentelemetry/sdk-trace'
import type { Events } from '../events.ts'
import { version } from '../version.ts'
import { countExport } from './counted-export.ts'
import { createSampler, withoutWish } from './sampler.ts'
import type { TracingSettings } from './settings.ts'
import { clientSpan, type SpanOutcome, serverSpan } from './span-attributes.ts'
import { createSender } from './span-sender.ts'
import { formatTraceparent, randomFlag, sampledFlag, type TraceContext } from './trace-context.ts'
import type { RequestFacts, RequestTracer, Trace } from './tracing.ts'

/** Records requests as spans and exports them. */
export interface ExportingTracer extends RequestTracer {
  /** Sends what there is, for a moment; what the collector has not taken by then is lost. */
  close(): Promise<void>
}

const flushMaxMs = 3000

/** @throws when a file that the settings name can't be read. */
export function startOpenTelemetry(settings: TracingSettings, events: Pick<Events, 'spans'>): ExportingTracer {
  const { deliver, abort } = createSender(settings)
  const counted = countExport(deliver, settings.batch, events)
  const own = { 'service.name': 'sallyport', 'service.version': version, 'service.instance.id': randomUUID() }
  const provider = new TracerProvider({
    resource: defaultResource().merge(
      resourceFromAttributes({ ...own, 'process.pid': process.pid, ...settings.resource }),
    ),
    sampler: createSampler(settings.sampler),
    spanProcessors: [counted.processor],
    spanLimits: { attributeValueLengthLimit: 1024 },
  })
  const tracer = provider.getTracer('sallyport', version)
  return {
    begin: (at, parent, mayAsk) => new RecordedTrace(tracer, at, parent, mayAsk),
    async close() {
      const flushed = provider.shutdown().catch(() => {})
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, flushMaxMs)
      })
      await Promise.race([flushed, late])
      clearTimeout(timer)
      counted.giveUp()
      abort()
    },
  }
}

/** The gateway's span of a request and, from when it is sent on, the one of the upstream's part. */
class RecordedTrace implements Trace {
  readonly #tracer: Tracer
  readonly #at: number
  readonly #parent: TraceContext | undefined
  readonly #server: Span
  #client: Span | undefined
  readonly traceId: string
  readonly spanId: string
  readonly recorded: boolean

  constructor(tracer: Tracer, at: number, parent: TraceContext | undefined, mayAsk: boolean) {
    this.#tracer = tracer
    this.#at = at
    this.#parent = parent
    this.#server = tracer.startSpan(
      'request',
      { kind: SpanKind.SERVER, startTime: timeOf(at) },
      contextOf(parent, mayAsk),
    )
    const { traceId, spanId } = this.#server.spanContext()
    this.traceId = traceId
    this.spanId = spanId
    this.recorded = this.#server.isRecording()
  }

  forward(headers: string[], afterMs: number): void {
    if (this.recorded) {
      const options = { kind: SpanKind.CLIENT, startTime: timeOf(this.#at + afterMs) }
      this.#client = this.#tracer.startSpan('upstream', options, trace.setSpan(ROOT_CONTEXT, this.#server))
    }
    const { traceId, spanId } = (this.#client ?? this.#server).spanContext()
    const flags = (this.recorded ? sampledFlag : 0) | ((this.#parent?.flags ?? 0) & randomFlag)
    headers.push('traceparent', formatTraceparent(traceId, spanId, flags))
    if (this.#parent?.tracestate !== undefined) headers.push('tracestate', this.#parent.tracestate)
  }

  end(facts: RequestFacts): void {
    const endTime = timeOf(this.#at + facts.row.durationMs)
    // A span that was begun for a connection nobody has got is left: nothing was sent.
    if (this.#client !== undefined && facts.upstream !== undefined) {
      endSpan(this.#client, clientSpan(facts, facts.upstream), endTime)
    }
    endSpan(this.#server, serverSpan(facts), endTime)
  }
}

function endSpan(span: Span, { name, attributes, failed }: SpanOutcome, endTime: [number, number]): void {
  span.updateName(name)
  span.setAttributes(attributes)
  if (failed) span.setStatus({ code: SpanStatusCode.ERROR })
  span.end(endTime)
}

function contextOf(parent: TraceContext | undefined, mayAsk: boolean): Context {
  if (parent === undefined) return ROOT_CONTEXT
  const { traceId, parentId: spanId, flags } = parent
  // Without its tracestate, which is sent on, but not exported: what others write there is none of our collector's business.
  const context = trace.setSpanContext(ROOT_CONTEXT, {
    traceId,
    spanId,
    traceFlags: flags & sampledFlag,
    isRemote: true,
  })
  return mayAsk ? context : withoutWish(context)
}

/** Seconds and nanoseconds: a plain number could be taken for one of another clock. */
function timeOf(ms: number): [number, number] {
  const seconds = Math.floor(ms / 1000)
  return [seconds, Math.floor((ms - seconds * 1000) * 1e6)]
}
