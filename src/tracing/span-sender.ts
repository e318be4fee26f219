import { readFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { JsonTraceSerializer, ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer'
import type { ReadableSpan } from '@opentelemetry/sdk-trace'
import { Agent, request } from 'undici'
import { version } from '../version.ts'
import type { TracingSettings } from './settings.ts'

/** What became of a batch: how many of it the collector has not taken, and why. */
export interface Delivery {
  readonly lost: number
  readonly why?: string
}

/** Posts spans to a collector (OTLP over HTTP). */
export interface SpanSender {
  /** Ends within the time limits of the settings, further attempts included. */
  deliver(spans: ReadableSpan[]): Promise<Delivery>
  /** Breaks off what is under way: nothing of it keeps the process. */
  abort(): void
}

/**
 * Not the exporter of the SDK: its time limit is one of silence, so that a collector that trickles outlasts it, and its
 * attempts can't be called off (docs/decisions/0014-traces.md).
 * @throws when a file that the settings name can't be read.
 */
export function createSender(settings: TracingSettings): SpanSender {
  const { endpoint, protocol, compression, tls } = settings
  // Whoever waits for a batch gives it up then.
  const timeoutMs = Math.min(settings.timeoutMs, settings.batch.timeoutMs)
  const serializer = protocol === 'http/json' ? JsonTraceSerializer : ProtobufTraceSerializer
  const type = protocol === 'http/json' ? 'application/json' : 'application/x-protobuf'
  const files = Object.fromEntries(Object.entries(tls).map(([name, file]) => [name, readFileSync(file)]))
  const agent = new Agent({ connections: connectionsMax, headersTimeout: 0, bodyTimeout: 0, connect: files })
  const headers = {
    ...Object.fromEntries([...settings.headers].map(([name, value]) => [name, value.reveal()])),
    'content-type': type,
    'user-agent': `sallyport/${version}`,
    ...(compression === 'gzip' && { 'content-encoding': 'gzip' }),
  }
  const stopping = new AbortController()

  const attempt = async (body: Uint8Array, signal: AbortSignal): Promise<Attempt> => {
    const answer = await request(endpoint, { method: 'POST', dispatcher: agent, signal, headers, body })
    const { statusCode } = answer
    if (statusCode >= 200 && statusCode < 300) return { taken: await firstBytes(answer.body) }
    await answer.body.dump({ limit: answerMax, signal })
    const why = `the collector answered ${statusCode}`
    return retried.has(statusCode) ? { why, againMs: retryAfterMs(answer.headers['retry-after']) } : { why }
  }

  const rejectedOf = (answer: Buffer): Delivery => {
    try {
      const { rejectedSpans = 0, errorMessage = '' } = serializer.deserializeResponse(answer).partialSuccess ?? {}
      return { lost: Number(rejectedSpans), why: `the collector rejected them: ${errorMessage.slice(0, 200)}` }
    } catch {
      // It has taken them, whatever else it says.
      return { lost: 0 }
    }
  }

  return {
    async deliver(spans) {
      const plain = serializer.serializeRequest(spans)
      if (plain === undefined) return { lost: spans.length, why: 'they could not be written down' }
      const body = compression === 'gzip' ? await compress(plain) : plain
      const signal = AbortSignal.any([AbortSignal.timeout(timeoutMs), stopping.signal])
      let why = `the collector did not take them within ${timeoutMs} ms`
      for (let backOffMs = 1000; !signal.aborted; backOffMs = Math.min(backOffMs * 1.5, backOffMaxMs)) {
        const result: Attempt = await attempt(body, signal).catch((error: unknown) => ({
          why: reasonOf(error),
          againMs: 0,
        }))
        if (result.taken !== undefined) return rejectedOf(result.taken)
        if (!signal.aborted) why = result.why ?? why
        if (result.againMs === undefined) break
        // Nodes that lost the same collector do not come back all at once.
        const pauseMs = result.againMs || backOffMs * (0.8 + Math.random() * 0.4)
        if (!(await pause(pauseMs, signal))) break
      }
      return { lost: spans.length, why }
    },
    abort() {
      stopping.abort()
      void agent.destroy().catch(() => {})
    },
  }
}

interface Attempt {
  /** The answer, where it has taken them. */
  readonly taken?: Buffer
  readonly why?: string
  /** May be tried again, after so long; 0: whenever we like. */
  readonly againMs?: number
}

const compress = promisify(gzip)

/** OTLP: these say that a later attempt may succeed. */
const retried: ReadonlySet<number> = new Set([429, 502, 503, 504])
const backOffMaxMs = 5000
const answerMax = 64 * 1024
/** One is what the batches need; the other for one that is broken off while the next one comes. */
const connectionsMax = 2

/** By its status it has taken them; an answer that breaks off or never ends is read as far as it came. */
async function firstBytes(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  try {
    for await (const chunk of body) {
      chunks.push(chunk)
      bytes += chunk.length
      if (bytes > answerMax) break
    }
  } catch {}
  return Buffer.concat(chunks)
}

/** Seconds; a date is as good as nothing. */
const retryAfterMs = (value: string | string[] | undefined): number =>
  typeof value === 'string' && /^\d{1,5}$/.test(value) ? Number(value) * 1000 : 0

/** @returns whether it lasted to its end. */
const pause = (ms: number, signal: AbortSignal): Promise<boolean> =>
  wait(ms, true, { signal, ref: false }).catch(() => false)

/** The code says it shortest; a message could name what the endpoint holds. */
const reasonOf = (error: unknown): string =>
  `the connection failed (${error instanceof Error && 'code' in error ? String(error.code) : 'no code'})`
