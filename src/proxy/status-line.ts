import { channel } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'

/** A response does not begin as one of HTTP/1.0 or 1.1 does. */
export class NotHttp1 extends Error {
  override readonly name = 'NotHttp1'
}

/**
 * Reads the beginning of each response before undici's parser does, which takes HTTP/2.0, HTTP/0.9 and RTSP for 1.1 and tells nobody.
 * What begins otherwise never gets to it: the connection is destroyed, and its request fails with `NotHttp1`.
 */
export function watchStatusLines(socket: Socket): void {
  const watch = new StatusLines()
  watches.set(socket, watch)
  const read = socket.read.bind(socket)
  // Where undici takes its bytes from; a listener for 'data' would take them away from it.
  socket.read = (size?: number): Buffer | null => {
    const chunk: Buffer | null = read(size)
    if (chunk === null || !watch.isDue || watch.accepts(chunk)) return chunk
    socket.destroy(new NotHttp1('its response is not HTTP/1.1'))
    return null
  }
}

const watches = new WeakMap<object, StatusLines>()

// Of one request at a time on a connection: what comes behind it is its response.
channel('undici:client:sendHeaders').subscribe((message) => {
  watches.get((message as { socket: object }).socket)?.expect()
})

/** Follows one connection from status line to status line: that of the response, behind those of interim ones. */
class StatusLines {
  #awaits: 'line' | 'end of interim head' | 'nothing' = 'nothing'
  /** Of a line or of what could end a head: what has come in earlier chunks. */
  #kept = ''

  get isDue(): boolean {
    return this.#awaits !== 'nothing'
  }

  expect(): void {
    this.#awaits = 'line'
    this.#kept = ''
  }

  /** @returns false where the chunk holds the beginning of something else. */
  accepts(chunk: Buffer): boolean {
    let at = 0
    while (this.isDue) {
      if (this.#awaits === 'line') {
        const before = this.#kept.length
        const line = this.#kept + chunk.toString('latin1', at, at + lineLength - before)
        if (!isBeginning(line)) return false
        this.#kept = line
        if (line.length < lineLength) return true
        at += lineLength - before
        const isInterim = line[interimAt] === '1' && !line.endsWith('101')
        this.#awaits = isInterim ? 'end of interim head' : 'nothing'
        this.#kept = ''
      } else {
        const rest = this.#kept + chunk.toString('latin1', at)
        const end = rest.indexOf(headEnd)
        if (end === -1) {
          this.#kept = rest.slice(1 - headEnd.length)
          return true
        }
        at += end + headEnd.length - this.#kept.length
        this.expect()
      }
    }
    return true
  }
}

const isBeginning = (line: string): boolean =>
  line.startsWith('HTTP/1.1 ') || line.startsWith('HTTP/1.0 ') || (line.length < versionLength && couldBe(line))

const couldBe = (line: string): boolean => 'HTTP/1.1 '.startsWith(line) || 'HTTP/1.0 '.startsWith(line)

const versionLength = 'HTTP/1.1 '.length
const interimAt = versionLength
/** Up to the status. */
const lineLength = 'HTTP/1.1 200'.length
const headEnd = '\r\n\r\n'
