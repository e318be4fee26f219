import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { ErrorCode } from '../errors.ts'
import type { Wire } from '../proxy/wire.ts'
import { type Arrival, Exchange } from './exchange.ts'
import type { Plan } from './plan.ts'
import { tooLong } from './request-watch.ts'

/** What Node tells of the failure: `reason` is the parser's own sentence. */
export type ParserError = NodeJS.ErrnoException & { reason?: string }

/**
 * Answers what could not be read as a request: nothing of it was or will be forwarded, and the connection ends.
 * The request log gets its row as for every other request.
 * @param head as far as it has come.
 */
export function refuseUnreadable(
  code: ErrorCode,
  head: Buffer,
  arrival: Arrival,
  socket: Duplex,
  plan: Plan,
  finished: (exchange: Exchange) => void,
): void {
  const [method, target] = requestLine(head)
  const exchange = new Exchange({ method, target, version: '1.1', headers: [] }, arrival, rawWire(socket))
  exchange.trace = plan.beginTrace(undefined, undefined, false, arrival.at)
  plan.deny(exchange, code)
  finished(exchange)
}

/** @param head what has come of the request, where the error is in its head; undefined: it is in the body or its trailers. */
export function codeOf({ code, reason }: ParserError, head: Buffer | undefined): ErrorCode {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return head === undefined ? 'HEADERS_TOO_LARGE' : tooLong(head)
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return 'BODY_TOO_LARGE'
    case 'HPE_INVALID_VERSION':
      // The same error stands for a bare LF behind a good version: that is framing.
      return reason === 'Invalid HTTP version' ? 'VERSION_NOT_SUPPORTED' : 'BAD_REQUEST'
    case 'HPE_PAUSED_H2_UPGRADE':
      return 'VERSION_NOT_SUPPORTED'
    case 'HPE_INVALID_URL':
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it looks for
      return /[\x00-\x1f\x7f]/.test(firstLine(head ?? nothing).replace(/\r$/, ''))
        ? 'BAD_REQUEST'
        : 'BAD_REQUEST_TARGET'
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return 'REQUEST_TIMEOUT'
    default:
      return 'BAD_REQUEST'
  }
}

const nothing = Buffer.alloc(0)

const firstLine = (head: Buffer): string => head.toString('latin1').trimStart().split('\n', 1)[0] ?? ''

/** Method and target as far as they can be made out; only printable characters. Uncut: half a key looks like none. */
function requestLine(head: Buffer): [method: string, target: string] {
  const found = /^([A-Z-]{1,32}) ([\x21-\x7e]+)/.exec(firstLine(head))
  return [found?.[1] ?? 'UNKNOWN', found?.[2] ?? '-']
}

/** A wire that can do nothing but answer and close. */
function rawWire(socket: Duplex): Wire {
  const never = (): never => {
    throw new Error('a request that could not be read has no way on')
  }
  return {
    body: undefined,
    requestComplete: false,
    bytesOut: 0,
    listener: undefined,
    sendContinue: never,
    sendInformation: never,
    writeHead: never,
    write: never,
    end: never,
    takeSocket: never,
    hangUp: () => {},
    abort: () => socket.destroy(),
    answer(status, headers, body) {
      let text = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nDate: ${new Date().toUTCString()}\r\nConnection: close\r\n`
      for (let index = 0; index < headers.length; index += 2) text += `${headers[index]}: ${headers[index + 1]}\r\n`
      socket.end(`${text}\r\n${body}`)
      // Unread bytes are taken off so that the answer is not lost to a reset, for a moment only.
      socket.resume()
      setTimeout(() => socket.destroy(), 500).unref()
    },
  }
}
