import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { gunzipSync } from 'node:zlib'
import { eventually } from './eventually.ts'
import { type HttpUpstream, startHttpUpstream } from './http-upstream.ts'
import { readOtlpJson, readOtlpProtobuf } from './otlp.ts'

/** A span as a collector reads it. Kind 2 is a server's, 3 a client's; status 2 is an error. */
export interface ReceivedSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string
  readonly name: string
  readonly kind: number
  readonly status: number
  readonly startNs: bigint
  readonly endNs: bigint
  readonly attributes: Readonly<Record<string, string | number>>
  readonly resource: Readonly<Record<string, string | number>>
}

/** A receiver of OTLP over HTTP, protobuf and JSON. */
export interface Collector extends AsyncDisposable {
  readonly url: string
  readonly spans: readonly ReceivedSpan[]
  /** Of each export, also of those that were not answered well. */
  readonly requests: readonly { readonly path: string; readonly headers: IncomingHttpHeaders }[]
  /** Every body, unpacked, one behind the other. */
  received(): Buffer
  /** The spans of one trace, when there are so many. */
  trace(traceId: string, count: number): Promise<ReceivedSpan[]>
  /** How exports are answered from now on. */
  answer(how: (response: ServerResponse) => void): void
}

export const takeAll = (response: ServerResponse): void => void response.writeHead(200).end()

export async function startCollector(): Promise<Collector> {
  const spans: ReceivedSpan[] = []
  const requests: { path: string; headers: IncomingHttpHeaders }[] = []
  const bodies: Buffer[] = []
  let answer = takeAll
  const take = (request: IncomingMessage, body: Buffer): void => {
    const plain = request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body
    bodies.push(plain)
    const isJson = request.headers['content-type'] === 'application/json'
    spans.push(...(isJson ? readOtlpJson(plain) : readOtlpProtobuf(plain)))
  }
  const server: HttpUpstream = await startHttpUpstream((request, response) => {
    requests.push({ path: request.url ?? '', headers: request.headers })
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('error', () => {})
    request.on('end', () => {
      take(request, Buffer.concat(chunks))
      answer(response)
    })
  })
  return {
    url: server.url,
    spans,
    requests,
    received: () => Buffer.concat(bodies),
    trace: (traceId, count) =>
      eventually(`${count} spans of the trace ${traceId}`, () => {
        const found = spans.filter((span) => span.traceId === traceId)
        return found.length >= count && found
      }),
    answer(how) {
      answer = how
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}
