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
