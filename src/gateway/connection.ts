import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { ErrorCode } from '../errors.ts'
import type { Place } from './connections.ts'
import type { Exchange } from './exchange.ts'
import type { Pipelined } from './pipelined.ts'
import { RequestWatch } from './request-watch.ts'

/** A request that the parser has reported, from then on until the next one. */
export interface Arriving {
  readonly request: IncomingMessage
  /** What is wrong with it, as far as it has come. */
  broken: ErrorCode | undefined
  /** Once its turn has come. */
  exchange: Exchange | undefined
  /** It was answered, whether all of it has come or not. */
  over: boolean
}

/** One connection of a caller. One request of it is under way at a time, in order; what came behind waits. */
export class Connection {
  readonly socket: Socket
  readonly watch: RequestWatch
  readonly openedAt = performance.now()
  current: Exchange | undefined
  /** The newest request, whose body may still be coming. */
  arriving: Arriving | undefined
  /** What comes behind is never looked at. */
  ended = false
  /** It sent something unreadable and gets one answer to that, no more. */
  refused = false
  /** Bytes that its caller has taken, and since when it has taken no more; see `SlowReaders`. */
  taken = 0
  takenAt = 0
  readonly #place: Place
  readonly #pipelined: Pipelined
  #waiting: (() => void)[] = []

  /** @param breaks told when what comes can't be read as a request, or not as the body of the newest one. */
  constructor(socket: Socket, place: Place, pipelined: Pipelined, breaks: (code: ErrorCode) => void) {
    this.socket = socket
    this.watch = new RequestWatch(socket, breaks)
    this.#place = place
    this.#pipelined = pipelined
    // Before all others: the parser takes a whole read in one go, and that is 2,000 requests where somebody means it.
    socket.prependListener('data', this.#skim)
    // Behind the parser, which has begun a request by then where the head is whole.
    socket.on('data', this.#received)
    socket.on('end', this.#endOfSending)
    socket.on('close', () => this.#forgetWaiting())
  }

  /** A request is under way, or about to be. */
  get isBusy(): boolean {
    return this.current !== undefined || this.#waiting.length > 0
  }

  /** Its turn comes when those before are over; what comes behind a refusal that closes the connection never begins. */
  enter(begin: () => void): void {
    this.#place.busy()
    if (this.isBusy) this.#wait(begin)
    else begin()
  }

  /** The request that was under way is over. */
  next(): void {
    this.current = undefined
    if (this.#waiting.length > 0) return this.#pipelined.begin(this.#beginNext)
    this.#place.idle(this.watch.settle())
  }

  /**
   * What has come can't be read on. It belongs to the newest request while not all of that has come, or is one of its own.
   * @param refuse answers what is one of its own, as far as its head has come.
   */
  broke(code: ErrorCode, refuse: (head: Buffer) => void): void {
    const { arriving } = this
    if (arriving === undefined || arriving.request.complete) {
      if (this.refused || this.ended) return
      this.refused = true
      const head = this.watch.unread
      // What came before it is answered before it.
      this.enter(() => refuse(head))
    } else if (arriving.over) this.hangUp()
    else if (arriving.exchange) arriving.exchange.breakOff(code)
    // It is refused when its turn comes; nothing of it goes further.
    else arriving.broken ??= code
  }

  /** What was sent behind a request that ends the connection is never looked at. */
  end(): void {
    this.ended = true
    this.#forgetWaiting()
  }

  /** Ends the connection without a word more, and without throwing away what is on its way to the caller. */
  hangUp(): void {
    const { socket } = this
    this.end()
    if (!socket.writable) return
    socket.end()
    setTimeout(() => socket.destroy(), lingerMs).unref()
  }

  /** It is to carry something else than requests: what comes is not looked at, and not kept. */
  upgrade(): void {
    this.watch.stop()
    this.socket.off('data', this.#skim)
    this.socket.off('data', this.#received)
    this.socket.off('end', this.#endOfSending)
  }

  /** While thousands of requests wait, who sends another heap of them is cut off before it costs anything. */
  readonly #skim = (chunk: Buffer): void => {
    if (this.#pipelined.waiting <= waitingToSkim || this.ended || !holdsMany(chunk)) return
    this.end()
    // The parser is given it all the same.
    chunk.fill(0)
    this.#cutOff()
  }

  readonly #received = (chunk: Buffer): void => {
    if (!this.isBusy && !this.ended) this.#place.received(chunk.length)
  }

  /**
   * It may still read, as `nc` does behind a whole request; or it is gone, which looks the same until something is written to it.
   * As long as it gets something it is answered. See docs/decisions/0015-half-closed-callers.md.
   */
  readonly #endOfSending = (): void => {
    const { socket } = this
    if (!this.isBusy) return
    let written = socket.bytesWritten
    const silence = setInterval(() => {
      // What it has not taken yet is for the write timeout.
      if (socket.bytesWritten === written && socket.writableLength === 0) socket.destroy()
      written = socket.bytesWritten
    }, halfClosedMs)
    socket.once('close', () => clearInterval(silence))
  }

  readonly #beginNext = (): void => {
    const { socket } = this
    const paused = this.#waiting.length >= waitingToPause
    const begin = this.#waiting.shift()
    if (begin === undefined) return
    this.#pipelined.waiting--
    begin()
    if (paused && this.#waiting.length < waitingToPause) socket.resume()
  }

  /** No more is read while many wait; of what is parsed already so much at most that nobody fills the memory with it. */
  #wait(begin: () => void): void {
    const { socket } = this
    this.#pipelined.waiting++
    const count = this.#waiting.push(begin)
    const most = this.#pipelined.waiting > waitingOfAllMax ? waitingWhenManyMax : waitingMax
    if (count > most) {
      this.end()
      this.#cutOff()
    } else if (count === waitingToPause) {
      // Not before the parser is done with what it has: with each message it makes the socket go on.
      process.nextTick(() => {
        if (this.#waiting.length >= waitingToPause) socket.pause()
      })
    }
  }

  #cutOff(): void {
    this.socket.destroy()
    this.#pipelined.cutOff()
  }

  #forgetWaiting(): void {
    this.#pipelined.waiting -= this.#waiting.length
    this.#waiting = []
  }
}

/** More requests than a client has reason to send at once. A body hardly holds so many. */
function holdsMany(chunk: Buffer): boolean {
  let at = -1
  for (let found = 0; found <= waitingWhenManyMax; found++) {
    at = chunk.indexOf(' HTTP/1.', at + 1, 'latin1')
    if (at === -1) return false
  }
  return true
}

/** What comes is still read so long, so that no reset overtakes the answer. */
const lingerMs = 500

/** After so long a silence a caller that sends nothing more is taken to be gone. */
const halfClosedMs = 500

/** Requests of one connection that wait for their turn: from so many on nothing is read. */
const waitingToPause = 100
/** One read holds some 2,500 of the shortest requests. */
const waitingMax = 10_000
/** Of all connections together, some 4 kB each: beyond it each may have a few. */
const waitingOfAllMax = 20_000
const waitingWhenManyMax = 16
/** Some are worked off in each turn of the event loop; so many take it a second. */
const waitingToSkim = 4000
