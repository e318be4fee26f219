import type { ErrorCode } from '../errors.ts'

/** A size line with what extends it; no sane client sends one a tenth as long. */
const lineBytesMax = 256
const trailerBytesMax = 8 * 1024

/**
 * Follows a chunked body to the letter of RFC 9112 section 7.1, beside the engine's parser: sizes that a double can't hold,
 * extensions without a name, trailers that frame are what the one takes and another does not, or reads otherwise.
 */
export class ChunkScan {
  broken: ErrorCode | undefined
  #part: 'size' | 'data' | 'data end' | 'trailers' = 'size'
  #dataLeft = 0
  #line = ''
  #trailerBytes = 0

  /** @returns where in `bytes` the body has ended; undefined where it has not, or is broken. */
  feed(bytes: Buffer, from: number): number | undefined {
    let at = from
    while (at < bytes.length && this.broken === undefined) {
      if (this.#part === 'data') {
        const taken = Math.min(this.#dataLeft, bytes.length - at)
        this.#dataLeft -= taken
        at += taken
        if (this.#dataLeft === 0) this.#part = 'data end'
        continue
      }
      const lineEnd = bytes.indexOf(lineFeed, at)
      this.#line += bytes.toString(
        'latin1',
        at,
        lineEnd === -1 ? Math.min(bytes.length, at + trailerBytesMax) : lineEnd,
      )
      if (this.#isTooLong()) return undefined
      if (lineEnd === -1) return undefined
      at = lineEnd + 1
      const line = this.#line
      this.#line = ''
      if (!line.endsWith('\r')) this.broken = 'BAD_REQUEST'
      else if (this.#takeLine(line.slice(0, -1))) return at
    }
    return undefined
  }

  #isTooLong(): boolean {
    const { length } = this.#line
    if (this.#part === 'trailers') {
      if (this.#trailerBytes + length > trailerBytesMax) this.broken = 'HEADERS_TOO_LARGE'
    } else if (length > (this.#part === 'size' ? lineBytesMax : 1)) this.broken = 'BAD_REQUEST'
    return this.broken !== undefined
  }

  /** @returns whether the body ends with it. */
  #takeLine(line: string): boolean {
    if (this.#part === 'data end') this.#part = 'size'
    else if (this.#part === 'size') {
      const size = sizeLine.test(line) ? Number.parseInt(line, 16) : Number.NaN
      if (!Number.isSafeInteger(size)) this.broken = 'BAD_REQUEST'
      this.#part = size === 0 ? 'trailers' : 'data'
      this.#dataLeft = size
    } else {
      if (line === '') return true
      this.#trailerBytes += line.length + 2
      if (!fieldLine.test(line) || framing.test(line)) this.broken = 'BAD_REQUEST'
    }
    return false
  }
}

const lineFeed = 10
const sizeLine =
  /^[0-9A-Fa-f]{1,16}(?:;[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:=(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+|"(?:[\t \x21\x23-\x5b\x5d-\x7e]|\\[\t\x20-\x7e])*"))?)*$/
const fieldLine = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*$/
const framing = /^(?:content-length|transfer-encoding):/i
