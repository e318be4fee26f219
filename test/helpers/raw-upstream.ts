import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { within } from './eventually.ts'
import { allValues, framingOf, type Head, type Header, onlyValue, takeBody, takeHead } from './raw-message.ts'

/** One request as the gateway sent it. Everything is one character per byte. */
export interface UpstreamRequest {
  readonly method: string
  readonly target: string
  readonly headers: readonly Header[]
  /** The head byte for byte, with its empty line. */
  readonly head: string
  /** Set when the body is all there. */
  content: Buffer | undefined
  trailers: readonly Header[]
  readonly connection: UpstreamConnection
  /** The one value of a field; throws when it is there twice. */
  header(name: string): string | undefined
  headerAll(name: string): string[]
}

export interface UpstreamConnection {
  readonly socket: Socket
  /** Everything that came so far. */
  bytes(): Buffer
  /** Bytes after the last whole message: a body that is still coming, or what an upgraded connection carries. */
  unread(): Buffer
  /** Resolves when the gateway has closed or reset the connection. */
  readonly closed: Promise<void>
  isClosed: boolean
  /** A request to upgrade has come: what follows is no HTTP. */
  readonly tunnelled: boolean
}

/** How a scripted upstream answers. Called when the head is in. */
export type Script = (exchange: UpstreamExchange) => void | Promise<void>

export interface UpstreamExchange {
  readonly request: UpstreamRequest
  /** Resolves with the whole body. */
  body(withinMs?: number): Promise<Buffer>
  /** Sends bytes exactly as they are; strings are latin1. */
  send(bytes: string | Buffer): void
  /** Sends FIN. */
  end(): void
  /** Ends the connection with RST. */
  reset(): void
}

export interface RawUpstream extends AsyncDisposable {
  readonly url: string
  /** In order of arrival, over all connections. */
  readonly requests: readonly UpstreamRequest[]
  readonly connections: readonly UpstreamConnection[]
  /** The newest request; throws when there is none. */
  last(): UpstreamRequest
  /** Bytes that came in since the last `forget`, over all connections. */
  bytesReceived(): number
  /** Forgets what was recorded; connections stay open. */
  forget(): void
  /** How requests that come from now on are answered. */
  respond(script: Script | string): void
  close(): Promise<void>
}

/** `HTTP/1.1 200 OK` with a small body, for scripts that care for something else. */
export const plainResponse = (body = 'ok', headers = ''): string =>
  `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n${headers}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`

/** An API on a bare socket that keeps every byte it is sent and answers with exactly the bytes it is told to. */
export async function startRawUpstream({
  script,
  port = 0,
}: {
  script?: Script | string
  port?: number
} = {}): Promise<RawUpstream> {
  const connections: Recorder[] = []
  const requests: UpstreamRequest[] = []
  let answer: Script = toScript(script ?? plainResponse())
  let bytes = 0

  const server = createServer({ allowHalfOpen: false, noDelay: true }, (socket) => {
    const recorder = new Recorder(socket, {
      onBytes: (count) => {
        bytes += count
      },
      onRequest: (exchange) => {
        requests.push(exchange.request)
        void Promise.resolve(answer(exchange)).catch(() => socket.destroy())
      },
    })
    connections.push(recorder)
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')

  async function close(): Promise<void> {
    for (const { socket } of connections) socket.destroy()
    await new Promise<void>((resolve) => server.close(() => resolve()))
  }
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    connections,
    last() {
      const request = requests.at(-1)
      if (!request) throw new Error('no request has reached the upstream')
      return request
    },
    bytesReceived: () => bytes,
    forget() {
      requests.length = 0
      bytes = 0
    },
    respond(next) {
      answer = toScript(next)
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** A string is sent when the whole request is in. */
function toScript(script: Script | string): Script {
  if (typeof script !== 'string') return script
  return async ({ body, send }) => {
    await body()
    send(script)
  }
}

interface Listener {
  onBytes(count: number): void
  onRequest(exchange: UpstreamExchange): void
}

/** Parses what comes on one connection; after an `Upgrade` everything is left unread for the script. */
class Recorder implements UpstreamConnection {
  readonly socket: Socket
  readonly closed: Promise<void>
  isClosed = false
  tunnelled = false
  readonly #listener: Listener
  readonly #chunks: Buffer[] = []
  #unread: Buffer = Buffer.alloc(0)
  #open: { request: UpstreamRequest; arrived: PromiseWithResolvers<Buffer> } | undefined

  constructor(socket: Socket, listener: Listener) {
    this.socket = socket
    this.#listener = listener
    const closed = Promise.withResolvers<void>()
    this.closed = closed.promise
    socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk)
      this.#unread = Buffer.concat([this.#unread, chunk])
      listener.onBytes(chunk.length)
      this.#parse()
    })
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      this.isClosed = true
      this.#open?.arrived.reject(new Error('the gateway closed the connection before the body was whole'))
      closed.resolve()
    })
  }

  bytes(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  unread(): Buffer {
    return this.#unread
  }

  #parse(): void {
    for (;;) {
      this.#open ??= this.#begin()
      if (!this.#open) return
      const { request, arrived } = this.#open
      if (request.header('upgrade') !== undefined) {
        this.tunnelled = true
        arrived.resolve(Buffer.alloc(0))
        return
      }
      const body = takeBody(this.#unread, framingOf(request.headers, 'none'), false)
      if (!body) return
      this.#unread = this.#unread.subarray(body.bytes)
      request.content = body.content
      request.trailers = body.trailers
      this.#open = undefined
      arrived.resolve(body.content)
    }
  }

  #begin(): { request: UpstreamRequest; arrived: PromiseWithResolvers<Buffer> } | undefined {
    const head = takeHead(this.#unread)
    if (!head) return undefined
    const request = this.#describe(head)
    this.#unread = this.#unread.subarray(head.bytes)
    const arrived = Promise.withResolvers<Buffer>()
    arrived.promise.catch(() => {})
    const { socket } = this
    this.#listener.onRequest({
      request,
      body: (withinMs = 5000) => within(withinMs, 'the whole request body', arrived.promise),
      send: (bytes) => void socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes),
      end: () => void socket.end(),
      reset: () => void socket.resetAndDestroy(),
    })
    return { request, arrived }
  }

  #describe({ startLine, headers, bytes }: Head): UpstreamRequest {
    const line = /^([A-Z-]+) (\S+) HTTP\/1\.1$/.exec(startLine)
    if (!line) throw new Error(`malformed request line: ${JSON.stringify(startLine)}`)
    return {
      method: line[1] ?? '',
      target: line[2] ?? '',
      headers,
      head: this.#unread.toString('latin1', 0, bytes),
      content: undefined,
      trailers: [],
      connection: this,
      header: (name) => onlyValue(headers, name),
      headerAll: (name) => allValues(headers, name),
    }
  }
}
