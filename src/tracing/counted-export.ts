import { BatchSpanProcessor, type ReadableSpan, type SpanExporter, type SpanProcessor } from '@opentelemetry/sdk-trace'
import type { Events } from '../events.ts'
import type { TracingSettings } from './settings.ts'
import type { Delivery, SpanSender } from './span-sender.ts'

/** Spans on their way to the collector: in batches, bounded, each of them accounted for. */
export interface CountedExport {
  readonly processor: SpanProcessor
  /** Counts as lost what is neither delivered nor lost; nothing is counted from then on. */
  giveUp(): void
}

/**
 * The SDK's batches behind a count. What finds the queue full is lost, and so is a batch that can't be delivered: no
 * request waits for a collector, and none is remembered for one.
 */
export function countExport(
  deliver: SpanSender['deliver'],
  { queueMax, batchMax, delayMs, timeoutMs }: TracingSettings['batch'],
  events: Pick<Events, 'spans'>,
): CountedExport {
  let queued = 0
  let underWay = 0
  let over = false
  const deliveries = new Set<Promise<void>>()
  const exporter: SpanExporter = {
    export(spans, done) {
      const { length } = spans
      queued -= length
      underWay += length
      const settle = ({ lost, why }: Delivery): void => {
        deliveries.delete(delivery)
        underWay -= length
        if (!over && lost < length) events.spans('exported', length - lost)
        if (!over && lost > 0) events.spans('failed', lost, why)
        // 0 is success, 1 is not; the enumeration is in a package of its own.
        done({ code: lost < length ? 0 : 1 })
      }
      const delivery = deliver(spans)
        .catch((error: unknown) => ({ lost: length, why: String(error) }))
        .then(settle)
      deliveries.add(delivery)
    },
    // The SDK waits for the last batches, and not for one that was on its way before.
    shutdown: async () => void (await Promise.all(deliveries)),
  }
  const batches = new BatchSpanProcessor({
    exporter,
    maxQueueSize: queueMax,
    maxExportBatchSize: batchMax,
    scheduledDelayMillis: delayMs,
    exportTimeoutMillis: timeoutMs,
  })
  return {
    processor: {
      onStart: (span, context) => batches.onStart(span, context),
      onEnd(span: ReadableSpan) {
        if (over) return
        if (queued >= queueMax) return events.spans('dropped', 1)
        queued++
        batches.onEnd(span)
      },
      forceFlush: () => batches.forceFlush(),
      shutdown: () => batches.shutdown(),
    },
    giveUp() {
      over = true
      if (queued + underWay > 0) events.spans('failed', queued + underWay, 'the gateway has ended')
    },
  }
}
