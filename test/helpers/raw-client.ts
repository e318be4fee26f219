import { connect, type Socket } from 'node:net'
import {
  allValues,
  type Body,
  framingOf,
  type Head,
  type Header,
  onlyValue,
  takeBody,
  takeHead,
} from './raw-message.ts'

/** A response as it came, one character per byte in every header. */
export interface RawResponse {
  readonly status: number
  readonly reason: string
  readonly headers: readonly Header[]
  /** The head as it came, with its empty line. */
  readonly head: string
  readonly content: Buffer
  readonly trailers: readonly Header[]
  /** Interim responses that came before, 101 excepted. */
  readonly interim: readonly RawHead[]
  /** The one value of a field; throws when it is there twice. */
  header(name: string): string | undefined
  headerAll(name: string): string[]
  text(): string
  /** Parsed body; throws when it is no JSON object. */
  json(): Record<string, unknown>
}

export type RawHead = Pick<RawResponse, 'status' | 'reason' | 'headers' | 'head' | 'interim' | 'header' | 'headerAll'>

/** Opens a socket to the host and port of a URL. */
export async function connectRaw(url: string): Promise<RawClient> {
  const { hostname, port } = new URL(url)
  const socket = connect({
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port),
    allowHalfOpen: true,
    noDelay: true,
  })
  const client = new RawClient(socket)
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  return client
}

/** One connection: sends the bytes it is given, reads responses strictly, one after the other. Every wait has a deadline. */
export class RawClient implements Disposable {
  readonly socket: Socket
  #unread: Buffer = Buffer.alloc(0)
  #received = 0
  #end: 'open' | 'end' | 'reset' = 'open'
  /** Those who wait for something to happen on the connection. */
  readonly #waiting = new Set<() => void>()

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (chunk: Buffer) => {
      this.#unread = this.#unread.length === 0 ? chunk : Buffer.concat([this.#unread, chunk])
      this.#received += chunk.length
      this.#wake()
    })
    socket.on('end', () => this.#close('end'))
    socket.on('error', () => this.#close('reset'))
    socket.on('close', () => this.#close('reset'))
  }

  /** Bytes that came and that no response took. */
  get unread(): Buffer {
    return this.#unread
  }

  get bytesReceived(): number {
    return this.#received
  }

  get isOpen(): boolean {
    return this.#end === 'open'
  }

  /** Resolves when the kernel has taken the bytes, or when the connection is gone. Strings are latin1. */
  async send(bytes: string | Buffer): Promise<void> {
    const buffer = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes
    await new Promise<void>((resolve) => {
      this.socket.write(buffer, () => resolve())
    })
  }

  /** The next final response with its body. @param to the method that it answers: HEAD has no body. */
  async response({ to = 'GET', withinMs = 5000 }: { to?: string; withinMs?: number } = {}): Promise<RawResponse> {
    const head = await this.head({ withinMs })
    const body = await this.body(head, { to, withinMs })
    const text = () => body.content.toString()
    return { ...head, ...body, text, json: () => parseObject(text()) }
  }

  /** The next final head (or 101), with the interim ones before it. Its body is left unread. */
  async head({ withinMs = 5000 }: { withinMs?: number } = {}): Promise<RawHead> {
    const interim: RawHead[] = []
    for (;;) {
      const head = await this.interimOrFinalHead({ withinMs })
      if (head.status >= 200 || head.status === 101) return { ...head, interim }
      interim.push(head)
    }
  }

  /** The next head, whatever its status. */
  async interimOrFinalHead({ withinMs = 5000 }: { withinMs?: number } = {}): Promise<RawHead> {
    return await this.#until('a response head', withinMs, () => {
      const head = takeHead(this.#unread)
      return head && describe(head, this.#take(head.bytes).toString('latin1'))
    })
  }

  /** The body that belongs to a head which `head` gave. @throws when the connection ends before the body does. */
  async body(head: RawHead, { to = 'GET', withinMs = 5000 }: { to?: string; withinMs?: number } = {}): Promise<Body> {
    const bare = to === 'HEAD' || head.status === 204 || head.status === 304 || head.status === 101
    const framing = bare ? ({ kind: 'none' } as const) : framingOf(head.headers, 'close')
    return await this.#until('the whole body', withinMs, () => {
      const body = takeBody(this.#unread, framing, this.#end === 'end')
      if (body) this.#take(body.bytes)
      return body
    })
  }

  /** Resolves with everything unread once it holds `text`, and takes it. */
  async until(text: string | Buffer, withinMs = 5000): Promise<Buffer> {
    return await this.#until(`the bytes ${JSON.stringify(text.toString('latin1'))}`, withinMs, () =>
      this.#unread.includes(text) ? this.#take(this.#unread.length) : undefined,
    )
  }

  /** How the peer ended the connection: `end` with FIN, `reset` with RST. Bytes that come before stay in `unread`. */
  async closed(withinMs = 5000): Promise<'end' | 'reset'> {
    return await this.#until('the end of the connection', withinMs, () =>
      this.#end === 'open' ? undefined : this.#end,
    )
  }

  /** Half close: nothing more is sent, responses are still read. */
  end(): void {
    this.socket.end()
  }

  /** Ends the connection with RST, as a process that dies with unread data does. */
  reset(): void {
    this.socket.resetAndDestroy()
  }

  [Symbol.dispose](): void {
    this.socket.destroy()
  }

  #take(bytes: number): Buffer {
    const taken = this.#unread.subarray(0, bytes)
    this.#unread = this.#unread.subarray(bytes)
    return taken
  }

  #close(how: 'end' | 'reset'): void {
    if (this.#end === 'open') this.#end = how
    this.#wake()
  }

  #wake(): void {
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const resume of waiting) resume()
  }

  async #until<T>(what: string, withinMs: number, take: () => T | undefined): Promise<T> {
    const deadline = performance.now() + withinMs
    for (;;) {
      const taken = take()
      if (taken !== undefined) return taken
      const unread = JSON.stringify(this.#unread.toString('latin1', 0, 300))
      if (this.#end !== 'open')
        throw new Error(`the connection closed (${this.#end}) before ${what}; unread: ${unread}`)
      const left = deadline - performance.now()
      if (left <= 0) throw new Error(`not within ${withinMs} ms: ${what}; unread: ${unread}`)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left)
        this.#waiting.add(() => {
          clearTimeout(timer)
          resolve()
        })
      })
    }
  }
}

function describe({ startLine, headers }: Head, head: string): RawHead {
  const line = /^HTTP\/1\.1 (\d{3}) ([\t\x20-\x7e]*)$/.exec(startLine)
  if (!line) throw new Error(`malformed status line: ${JSON.stringify(startLine)}`)
  return {
    status: Number(line[1]),
    reason: line[2] ?? '',
    headers,
    head,
    interim: [],
    header: (name) => onlyValue(headers, name),
    headerAll: (name) => allValues(headers, name),
  }
}

function parseObject(text: string): Record<string, unknown> {
  const value: unknown = JSON.parse(text)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`not an object: ${text}`)
  return value as Record<string, unknown>
}
