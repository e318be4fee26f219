import { readFileSync } from 'node:fs'
import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { CompressionAlgorithm } from '@opentelemetry/otlp-exporter-base'
import type { SpanExporter } from '@opentelemetry/sdk-trace'
import { version } from '../version.ts'
import type { TracingSettings } from './settings.ts'

export interface ClosableExporter {
  readonly exporter: SpanExporter
  /** Breaks off what is under way, and makes no connection again: nothing of it keeps the process. */
  abort(): void
}

/** The exporter of the SDK on connections of our own. @throws when a file that it needs can't be read. */
export async function openExporter(settings: TracingSettings): Promise<ClosableExporter> {
  const { endpoint, protocol, headers, timeoutMs, compression, tls } = settings
  const { OTLPTraceExporter } = await (protocol === 'http/json'
    ? import('@opentelemetry/exporter-trace-otlp-http')
    : import('@opentelemetry/exporter-trace-otlp-proto'))
  const files = Object.fromEntries(Object.entries(tls).map(([name, file]) => [name, readFileSync(file)]))
  const agent = endpoint.startsWith('https:')
    ? new HttpsAgent({ keepAlive: true, maxSockets: exportsAtOnce, ...files })
    : new HttpAgent({ keepAlive: true, maxSockets: exportsAtOnce })
  const exporter = new OTLPTraceExporter({
    url: endpoint,
    headers: Object.fromEntries([...headers].map(([name, value]) => [name, value.reveal()])),
    timeoutMillis: timeoutMs,
    concurrencyLimit: exportsAtOnce,
    compression: compression === 'gzip' ? CompressionAlgorithm.GZIP : CompressionAlgorithm.NONE,
    httpAgentOptions: async () => agent,
    userAgent: `sallyport/${version}`,
  })
  return {
    exporter,
    abort() {
      agent.createConnection = () => {
        throw new Error('the gateway ends')
      }
      agent.destroy()
    },
  }
}

/** One is what the batches make; more only where a batch was given up that the collector still holds. */
const exportsAtOnce = 4
