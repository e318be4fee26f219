import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Holds each request line against the bytes that came: `METHOD target HTTP/1.x CRLF`, one space each, nothing before it but
 * one empty line (RFC 9112 section 2.2). Node's parser reads more than that as the same request — bare line feeds in front,
 * two spaces, RTSP and ICE in the place of HTTP — and a parser beside it may read something else.
 */
export class RequestLineWatch {
  /** What came since the last point where a message was known to begin, or since the last chunk; `#length` bytes of it. */
  #store: Buffer = nothing
  #length = 0
  /** Where the next message begins in it; undefined inside a body whose end is not known. */
  #at: number | undefined = 0
  #bodyLeft = 0
  /** Where the first chunk begins that came behind a chunked body. */
  #mark: number | undefined
  #last: IncomingMessage | undefined
  readonly #socket: Socket
  readonly #listener = (chunk: Buffer): void => this.#arrived(chunk)

  constructor(socket: Socket) {
    this.#socket = socket
    // Before the parser sees it: what it reports of this chunk is asked about while it is the newest one.
    socket.prependListener('data', this.#listener)
  }

  /** Nothing has come yet. */
  get silent(): boolean {
    return this.#last === undefined && this.#length === 0
  }

  /** Lets go of what is not needed any more, between two requests. @returns how much has come of the next one. */
  settle(): number {
    if (this.#last?.complete === false) return 0
    if (this.#at === undefined) return this.#mark === undefined ? 0 : this.#length - this.#mark
    if (this.#at < this.#length) return this.#length - this.#at
    this.#hold(nothing)
    this.#at = 0
    return 0
  }

  /** No request comes any more: what the connection carries from now on is not looked at, and not kept. */
  stop(): void {
    this.#socket.removeListener('data', this.#listener)
    this.#hold(nothing)
  }

  /** Call it when the parser reports a request, in order. @returns whether its first line is what came, to the byte. */
  matches(request: IncomingMessage): boolean {
    const line = `${request.method} ${request.url} HTTP/${request.httpVersion}\r\n`
    const bytes = this.#store.subarray(0, this.#length)
    const begin = this.#at === undefined ? this.#startBehindBody(bytes, line) : startOf(bytes, this.#at, line)
    this.#last = request
    if (begin === undefined) return false
    this.#passHead(bytes, begin + line.length - 2, request)
    return true
  }

  #arrived(chunk: Buffer): void {
    if (this.#last?.complete === false) {
      this.#hold(chunk)
      this.#mark = undefined
      this.#at = this.#bodyLeft <= chunk.length && this.#bodyLeft > 0 ? this.#bodyLeft : undefined
      this.#bodyLeft = Math.max(0, this.#bodyLeft - chunk.length)
      return
    }
    if (this.#at === undefined) {
      this.#mark ??= this.#length
      this.#append(chunk)
    } else if (this.#at >= this.#length) {
      this.#hold(chunk)
      this.#at = 0
    } else this.#append(chunk)
  }

  #hold(chunk: Buffer): void {
    this.#store = chunk
    this.#length = chunk.length
  }

  /** Into one piece that grows: a head that comes byte by byte must not cost a buffer for each, nor a look at all of them. */
  #append(chunk: Buffer): void {
    const length = this.#length + chunk.length
    if (length > this.#store.length) {
      const grown = Buffer.allocUnsafe(Math.max(1024, 2 * length))
      this.#store.copy(grown, 0, 0, this.#length)
      this.#store = grown
    }
    chunk.copy(this.#store, this.#length)
    this.#length = length
  }

  /** Behind a chunked body nobody told where it ended: mostly with a chunk, else in it, with an empty line. */
  #startBehindBody(bytes: Buffer, line: string): number | undefined {
    const begin = this.#mark === undefined ? undefined : startOf(bytes, this.#mark, line)
    if (begin !== undefined) return begin
    for (let at = bytes.indexOf(line, 0, 'latin1'); at !== -1; at = bytes.indexOf(line, at + 1, 'latin1')) {
      if ('\r\n\r\n'.endsWith(bytes.toString('latin1', Math.max(0, at - 4), at))) return at
    }
    return undefined
  }

  #passHead(bytes: Buffer, from: number, { headers }: IncomingMessage): void {
    const end = bytes.indexOf('\r\n\r\n', from, 'latin1') + 4
    if (headers['transfer-encoding'] !== undefined) {
      this.#at = undefined
      this.#bodyLeft = 0
      return
    }
    const bodyLength = Number(headers['content-length'] ?? 0)
    this.#at = end + bodyLength
    this.#bodyLeft = Math.max(0, this.#at - bytes.length)
  }
}

function startOf(bytes: Buffer, at: number, line: string): number | undefined {
  if (bytes.toString('latin1', at, at + line.length) === line) return at
  const behindEmptyLine = at + 2
  return bytes.toString('latin1', at, behindEmptyLine + line.length) === `\r\n${line}` ? behindEmptyLine : undefined
}

const nothing = Buffer.alloc(0)
