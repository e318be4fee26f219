import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { ErrorCode } from '../errors.ts'
import { ChunkScan } from './chunk-scan.ts'

/** More than this in one head and it is refused; a little above what head.ts allows, which gives the better answer. */
export const headBytesMax = 48 * 1024

/**
 * Reads what comes on a connection a second time, as it came, to the letter of RFC 9112: where each request begins and ends,
 * its first line, its chunks. Node's parser reads more than that as the same request — line feeds in front, two spaces, RTSP in
 * the place of HTTP, any number of spaces around a value, sizes beyond every number — and a parser beside it may read something else.
 */
export class RequestWatch {
  /** What came of requests that the parser has not reported yet: `#length` bytes of it, the next one at `#at`. */
  #store: Buffer = nothing
  #length = 0
  #at = 0
  /** The body that is coming; a number of bytes, where its length was told. */
  #body: ChunkScan | number | undefined
  #heard = false
  #broken: ErrorCode | undefined
  readonly #socket: Socket
  readonly #breaks: (code: ErrorCode) => void
  readonly #listener = (chunk: Buffer): void => this.#arrived(chunk)

  /** @param breaks told once when what comes behind the last request that was judged can't be one, or is not its body. */
  constructor(socket: Socket, breaks: (code: ErrorCode) => void) {
    this.#socket = socket
    this.#breaks = breaks
    // Before the parser sees it: what it reports of this chunk is asked about while it is the newest one.
    socket.prependListener('data', this.#listener)
  }

  /** Nothing has come yet. */
  get silent(): boolean {
    return !this.#heard
  }

  /** What has come of a request that the parser has not reported. */
  get unread(): Buffer {
    return this.#store.subarray(this.#at, this.#length)
  }

  /** Lets go of what is not needed any more, between two requests. @returns how much has come of the next one. */
  settle(): number {
    if (this.#at < this.#length) return this.#length - this.#at
    this.#hold(nothing)
    return 0
  }

  /** No request comes any more: what the connection carries from now on is not looked at, and not kept. */
  stop(): void {
    this.#socket.removeListener('data', this.#listener)
    this.#hold(nothing)
  }

  /** Call it when the parser reports a request, in order. @returns what is wrong with it, as far as it has come. */
  judge(request: IncomingMessage): ErrorCode | undefined {
    if (this.#broken !== undefined) return this.#broken
    const bytes = this.unread
    const line = `${request.method} ${request.url} HTTP/${request.httpVersion}\r\n`
    const begin = startOf(bytes, line)
    // In the clothes of 1.0 come RTSP and ICE.
    if (begin === undefined)
      return this.#fail(otherProtocol.test(firstLine(bytes)) ? 'VERSION_NOT_SUPPORTED' : 'BAD_REQUEST')
    const end = bytes.indexOf('\r\n\r\n', begin + line.length - 2, 'latin1') + 4
    if (end < 4) return this.#fail('BAD_REQUEST')
    if (end > headBytesMax) return this.#fail('HEADERS_TOO_LARGE')
    const { headers } = request
    if (headers['transfer-encoding'] !== undefined) this.#body = new ChunkScan()
    // What is no number is refused, and whatever comes behind it.
    else this.#body = Number(headers['content-length'] ?? 0) || undefined
    this.#at += end
    this.#passBody(this.#store, this.#length)
    return this.#broken
  }

  #arrived(chunk: Buffer): void {
    this.#heard = true
    if (this.#broken !== undefined) return
    if (this.#body !== undefined) {
      this.#hold(chunk)
      this.#passBody(chunk, chunk.length)
      if (this.#broken !== undefined) this.#breaks(this.#broken)
      return
    }
    // The parser has seen all of what is here, and it was no whole head.
    if (this.#length - this.#at > headBytesMax) this.#breaks(this.#fail(tooLong(this.unread)))
    else this.#append(chunk)
  }

  /** Moves on to where the next request begins, or keeps nothing where that is still to come. */
  #passBody(bytes: Buffer, length: number): void {
    const body = this.#body
    if (body === undefined) return
    if (typeof body === 'number') {
      const taken = Math.min(body, length - this.#at)
      this.#at += taken
      this.#body = body - taken || undefined
    } else {
      const end = body.feed(bytes.subarray(0, length), this.#at)
      if (body.broken !== undefined) this.#fail(body.broken)
      else if (end === undefined) this.#at = length
      else {
        this.#at = end
        this.#body = undefined
      }
    }
    if (this.#at === this.#length) this.#hold(nothing)
  }

  #fail(code: ErrorCode): ErrorCode {
    this.#broken = code
    return code
  }

  #hold(chunk: Buffer): void {
    this.#store = chunk
    this.#length = chunk.length
    this.#at = 0
  }

  /** Into one piece that grows: a head that comes byte by byte must not cost a buffer for each, nor a look at all of them. */
  #append(chunk: Buffer): void {
    if (this.#at === this.#length) return this.#hold(chunk)
    const unread = this.unread
    const length = unread.length + chunk.length
    if (this.#at > 0 || length > this.#store.length) {
      const grown = Buffer.allocUnsafe(Math.max(1024, 2 * length))
      unread.copy(grown)
      this.#store = grown
    }
    chunk.copy(this.#store, unread.length)
    this.#at = 0
    this.#length = length
  }
}

/** Behind one empty line at most (RFC 9112 section 2.2). */
function startOf(bytes: Buffer, line: string): number | undefined {
  if (bytes.toString('latin1', 0, line.length) === line) return 0
  return bytes.toString('latin1', 0, 2 + line.length) === `\r\n${line}` ? 2 : undefined
}

/** Which of the two it is, of a head that goes beyond `headBytesMax`. */
export const tooLong = (head: Buffer): 'URI_TOO_LONG' | 'HEADERS_TOO_LARGE' =>
  head.includes('\r\n', 2) ? 'HEADERS_TOO_LARGE' : 'URI_TOO_LONG'

const firstLine = (bytes: Buffer): string =>
  bytes
    .toString('latin1', 0, 16 * 1024)
    .trimStart()
    .split('\n', 1)[0] ?? ''
const otherProtocol = /(?:RTSP|ICE)\/1\.0\r$/
const nothing = Buffer.alloc(0)
