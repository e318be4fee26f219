import type { Duplex, Readable } from 'node:stream'

/** Hears what the caller does. */
export interface WireListener {
  /** After `write` has returned false: it reads again. */
  callerReads(): void
  /** It went away before the end. Called once, and never after the answer is complete. */
  callerGone(): void
}

/**
 * The caller's side of one exchange: the only thing that the data plane knows of the engine in front.
 * Header lists are flat: name, value, name, value. Texts are latin1, one character a byte.
 */
export interface Wire {
  /** The request body, undefined when there is none. Reading starts when somebody reads it. */
  readonly body: Readable | undefined
  /** Whether the last byte of the request has arrived. */
  readonly requestComplete: boolean
  /** Bytes of response body handed over so far. */
  readonly bytesOut: number
  /** Answers `Expect: 100-continue`, once; nothing where the caller did not ask. */
  sendContinue(): void
  sendInformation(status: number, headers: string[]): void
  writeHead(status: number, reason: string, headers: string[]): void
  /** @returns false when the caller reads too slowly: wait for `callerReads`. */
  write(chunk: Buffer): boolean
  end(trailers: string[] | undefined): void
  /** A whole answer of our own. `close`: nothing more is read from this connection. */
  answer(status: number, headers: string[], body: string, close: boolean): void
  /** Behind an answer of our own: what still comes on this connection is not read on. */
  hangUp(): void
  /** Breaks the connection so that the caller can't take what it has for the whole. */
  abort(): void
  /** Who hears of the caller. An object, not closures: see docs/decisions/0004-what-made-it-faster.md. */
  listener: WireListener | undefined
  /** Only for a request to upgrade: the raw connection, and what came behind the request head. */
  takeSocket(): { socket: Duplex; head: Buffer }
}
