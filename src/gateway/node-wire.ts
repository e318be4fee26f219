import { type IncomingMessage, ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex, Readable } from 'node:stream'
import type { Wire, WireListener } from '../proxy/wire.ts'

/** Of an unread request body this much is taken off the wire, so that a caller who sends first and reads then gets its answer. */
const discardBytesMax = 1024 * 1024
/** A body up to here is not worth a connection. */
const smallBodyBytes = 64 * 1024
const lingerMs = 1000

/** The caller's side on `node:http`: the only file that knows how Node carries an answer. */
export class NodeWire implements Wire {
  listener: WireListener | undefined
  bytesOut = 0
  /** Nothing that comes behind this exchange on its connection is heard any more. */
  closing = false
  readonly body: Readable | undefined
  readonly #request: IncomingMessage
  /** Kept, because the engine behind takes the request's own reference away when it gives up a body. */
  readonly #socket: Socket
  readonly #response: ServerResponse
  readonly #draining: () => boolean
  readonly #upgradeHead: Buffer | undefined
  #continueDue: boolean
  #headDue = false
  #tunnelled = false

  /**
   * @param upgradeHead what came behind the head of a request to upgrade; undefined for an ordinary one.
   * @param closed called once when the exchange is over, whole or not.
   */
  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    draining: () => boolean,
    expectsContinue: boolean,
    upgradeHead: Buffer | undefined,
    closed: (complete: boolean) => void,
  ) {
    this.#request = request
    this.#socket = request.socket
    this.#response = response
    this.#draining = draining
    this.#continueDue = expectsContinue
    this.#upgradeHead = upgradeHead
    this.body = hasBody(request) ? request : undefined
    // A caller that breaks off inside a body shows as an error of the request; what is to be done is done on close.
    if (this.body !== undefined) request.on('error', ignore)
    response.on('error', ignore)
    response.on('close', () => {
      if (this.#tunnelled) return
      const complete = response.writableFinished
      if (!complete) this.listener?.callerGone()
      closed(complete)
    })
    if (upgradeHead !== undefined) {
      this.#socket.on('close', () => {
        if (!this.#tunnelled) return
        this.listener?.callerGone()
        closed(true)
      })
    }
  }

  get requestComplete(): boolean {
    return this.#request.complete
  }

  sendContinue(): void {
    if (!this.#continueDue) return
    this.#continueDue = false
    this.#response.writeContinue()
  }

  sendInformation(status: number, headers: string[]): void {
    // Node offers 102 and 103 alone; others are optional to pass on (RFC 9110 section 15.2).
    if (this.#request.httpVersion !== '1.1') return
    if (status === 102) this.#response.writeProcessing()
    if (status !== 103) return
    try {
      this.#response.writeEarlyHints(linkHints(headers))
    } catch {
      // Node passes on only the plainest form of Link. A hint that is lost costs nothing.
    }
  }

  writeHead(status: number, reason: string, headers: string[]): void {
    // Of a connection that was to be upgraded Node has let go: no second request would be read from it.
    if (this.#draining() || this.#upgradeHead !== undefined) this.#close()
    this.#response.writeHead(status, reason, headers)
    this.#headDue = true
    // A head without a body yet (server-sent events) goes out at the end of this turn; usually the first bytes are with it.
    process.nextTick(flushHead, this)
  }

  write(chunk: Buffer): boolean {
    this.#headDue = false
    this.bytesOut += chunk.length
    if (this.#response.write(chunk)) return true
    // Listened for where it is waited for: most responses never fill the buffer.
    this.#response.once('drain', () => this.listener?.callerReads())
    return false
  }

  end(trailers: string[] | undefined): void {
    this.#headDue = false
    const response = this.#response
    if (trailers !== undefined) response.addTrailers(pairs(trailers))
    // The API has answered before it took the whole request: what the caller still sends has no reader.
    if (!this.#request.complete) this.#lingerAfter(0)
    response.end()
  }

  answer(status: number, headers: string[], body: string, close: boolean): void {
    const response = this.#response
    const unread = !this.#request.complete && hasBody(this.#request)
    // Of a body that never was asked for nobody knows whether it will come: the next request could be taken for it.
    const large = unread && (this.#continueDue || bodyLength(this.#request) > smallBodyBytes)
    if (close || large || this.#draining() || this.#upgradeHead !== undefined) this.#close()
    if (unread && (close || large)) this.#lingerAfter(discardBytesMax)
    // The reason is named, since an attempt that failed may have left its own.
    response.writeHead(status, STATUS_CODES[status] ?? '', headers)
    this.bytesOut += body.length
    response.end(body)
  }

  hangUp(): void {
    if (this.closing) return
    this.#lingerAfter(discardBytesMax)
  }

  abort(): void {
    this.closing = true
    const socket = this.#socket
    // A reset, not an end: an answer whose length nobody told must not look complete.
    if ('resetAndDestroy' in socket && !('encrypted' in socket)) socket.resetAndDestroy()
    else socket.destroy()
  }

  takeSocket(): { socket: Duplex; head: Buffer } {
    if (this.#upgradeHead === undefined) throw new Error('only a request to upgrade has a socket to take')
    this.#tunnelled = true
    const socket = this.#socket
    this.#response.detachSocket(socket)
    return { socket, head: this.#upgradeHead }
  }

  #close(): void {
    this.closing = true
    this.#response.shouldKeepAlive = false
  }

  flushHead(): void {
    if (!this.#headDue) return
    this.#headDue = false
    this.#response.flushHeaders()
  }

  /**
   * Ends the connection after the answer without throwing the answer away: closing a socket with unread bytes makes the
   * kernel send a reset, which can overtake what the caller has not read yet. At most `discardMax` bytes are read, and
   * after a second the connection is gone in any case.
   */
  #lingerAfter(discardMax: number): void {
    this.closing = true
    const socket = this.#socket
    let discarded = 0
    if (discardMax > 0) {
      this.#request.on('data', (chunk: Buffer) => {
        discarded += chunk.length
        if (discarded > discardMax) this.#request.pause()
      })
    }
    const linger = (): void => {
      socket.end()
      const timer = setTimeout(() => socket.destroy(), lingerMs)
      socket.once('close', () => clearTimeout(timer))
    }
    // Node calls destroySoon once the answer is written, when the connection is not to be kept.
    socket.destroySoon = linger
    if (this.#response.headersSent) this.#response.once('finish', linger)
  }
}

const flushHead = (wire: NodeWire): void => wire.flushHead()

const ignore = (): void => {}

const hasBody = (request: IncomingMessage): boolean => {
  const { headers } = request
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0'
}

const bodyLength = ({ headers }: IncomingMessage): number =>
  headers['transfer-encoding'] === undefined ? Number(headers['content-length'] ?? 0) : Number.POSITIVE_INFINITY

const pairs = (flat: readonly string[]): [string, string][] => {
  const list: [string, string][] = []
  for (let index = 0; index < flat.length; index += 2) list.push([flat[index] as string, flat[index + 1] as string])
  return list
}

/** Of an interim answer Link alone goes on: what else is in it would frame, or set state, before the answer itself is there. */
function linkHints(flat: readonly string[]): { link: string[] } {
  return { link: pairs(flat).flatMap(([name, value]) => (name.toLowerCase() === 'link' ? [value] : [])) }
}

/** The response object for a request to upgrade, for which Node makes none. */
export function responseForUpgrade(request: IncomingMessage, socket: Duplex): ServerResponse {
  const response = new ServerResponse(request)
  response.assignSocket(socket as Socket)
  // It stays with its socket, whose end is then its own: that is when the request is over.
  response.on('finish', () => (socket as Socket).destroySoon())
  return response
}
