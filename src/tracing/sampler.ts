import { type Context, createContextKey, ROOT_CONTEXT, trace } from '@opentelemetry/api'
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  RandomIdGenerator,
  type Sampler,
  SamplingDecision,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace'
import type { TracingSettings } from './settings.ts'
import { sampledFlag } from './trace-context.ts'

/** The sampler that `OTEL_TRACES_SAMPLER` names, for a gateway that strangers call. */
export function createSampler({ kind, ratio, parentBased }: TracingSettings['sampler']): Sampler {
  const root =
    kind === 'on'
      ? new AlwaysOnSampler()
      : kind === 'off'
        ? new AlwaysOffSampler()
        : new TraceIdRatioBasedSampler(ratio)
  return new EdgeSampler(parentBased ? new ParentBasedSampler({ root }) : root)
}

const unasked = createContextKey('a parent whose wish to be recorded does not count')

/** @returns the context with a parent that may keep its request out of the record, but not bring it in. */
export const withoutWish = (context: Context): Context => context.setValue(unasked, true)

const randomIds = new RandomIdGenerator()

/**
 * Strangers choose their trace id and its sampled flag: honoured, each lets them fill the collector (W3C Trace Context,
 * section 7.2), so that for theirs it is decided as for a new trace. The parts of one request are recorded all or none.
 */
class EdgeSampler implements Sampler {
  readonly #inner: Sampler

  constructor(inner: Sampler) {
    this.#inner = inner
  }

  shouldSample(
    ...[context, traceId, ...rest]: Parameters<Sampler['shouldSample']>
  ): ReturnType<Sampler['shouldSample']> {
    const parent = trace.getSpanContext(context)
    const sampled = parent !== undefined && (parent.traceFlags & sampledFlag) !== 0
    if (parent !== undefined && parent.isRemote !== true) {
      return { decision: sampled ? SamplingDecision.RECORD_AND_SAMPLED : SamplingDecision.NOT_RECORD }
    }
    if (context.getValue(unasked) !== true) return this.#inner.shouldSample(context, traceId, ...rest)
    return this.#inner.shouldSample(sampled ? ROOT_CONTEXT : context, randomIds.generateTraceId(), ...rest)
  }

  toString(): string {
    return this.#inner.toString()
  }
}
