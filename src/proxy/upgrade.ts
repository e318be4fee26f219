import type { Duplex } from 'node:stream'
import type { Wire } from './wire.ts'

/** What runs between caller and upstream after 101. */
export interface Tunnel {
  /** Bytes carried so far, both ways. */
  bytes(): number
  breakOff(): void
}

/**
 * Passes the upstream's 101 on and joins the two connections as raw bytes. Called only once the upstream has agreed:
 * what the caller sent before has waited until now.
 * @param head headers of the 101, names and values alternating. @param ours headers that the gateway adds.
 */
export function tunnel(
  wire: Wire,
  upstream: Duplex,
  head: readonly Buffer[],
  ours: string[],
  closed: () => void,
): Tunnel {
  const { socket, head: early } = wire.takeSocket()
  socket.write(switchingProtocols(head, ours), 'latin1')
  if (early.length > 0) upstream.write(early)

  let carried = early.length
  const breakOff = (): void => {
    socket.destroy()
    upstream.destroy()
  }
  for (const [from, to] of [
    [socket, upstream],
    [upstream, socket],
  ] as const) {
    from.on('data', (chunk: Buffer) => {
      carried += chunk.length
    })
    from.on('error', breakOff)
    from.on('close', breakOff)
    from.pipe(to)
  }
  upstream.on('close', closed)
  return { bytes: () => carried, breakOff }
}

/**
 * RFC 9110 section 7.8: a server switches to protocols that the request names. Another one would have the caller read bytes
 * as what they are not.
 * @param head headers of the 101. @param asked the Upgrade of the request.
 */
export function switchesAsAsked(head: readonly Buffer[], asked = ''): boolean {
  const answered: string[] = []
  for (let index = 0; index < head.length; index += 2) {
    if (!/^upgrade$/i.test((head[index] as Buffer).toString('latin1'))) continue
    answered.push(...protocols((head[index + 1] as Buffer).toString('latin1')))
  }
  const wanted = protocols(asked)
  return answered.length > 0 && answered.every((protocol) => wanted.includes(protocol))
}

const protocols = (list: string): string[] =>
  list
    .toLowerCase()
    .split(',')
    .map((protocol) => protocol.trim())
    .filter((protocol) => protocol !== '')

function switchingProtocols(head: readonly Buffer[], ours: string[]): string {
  let text = 'HTTP/1.1 101 Switching Protocols\r\n'
  for (let index = 0; index < head.length; index += 2) {
    const name = (head[index] as Buffer).toString('latin1')
    if (/^(x-request-id|ratelimit.*|transfer-encoding|content-length)$/i.test(name)) continue
    text += `${name}: ${(head[index + 1] as Buffer).toString('latin1')}\r\n`
  }
  for (let index = 0; index < ours.length; index += 2) text += `${ours[index]}: ${ours[index + 1]}\r\n`
  return `${text}\r\n`
}
