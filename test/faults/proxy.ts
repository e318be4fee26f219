import { once } from 'node:events'
import { type AddressInfo, createServer, connect as dial, type Socket } from 'node:net'

/** A way to a server on which every fault of a network can be had at will. Everything is loopback. */
export interface FaultProxy extends AsyncDisposable {
  readonly port: number
  /** Connections that are open on the side of those who call. */
  readonly open: number
  /** How many have been accepted since the start. */
  readonly accepted: number
  /** The same URL by way of this proxy. */
  urlOf(url: string): string
  /** Where connections lead that are made from now on. Those that are open stay where they are. */
  leadTo(port: number): void
  /** No fault for connections that are made from now on, and no delay for any. What was silenced stays silent. */
  pass(): void
  /** New connections are closed at once with RST. */
  refuse(): void
  /** Ends all connections with RST. */
  cut(): void
  /** What is on its way arrives so much later, in each direction. */
  delay(ms: number): void
  /** Bytes per second of each connection, in each direction. */
  throttle(bytesPerSecond: number): void
  /**
   * The other end has vanished without a word: no byte, no FIN and no RST comes through any more on the connections that
   * are open. New ones pass.
   */
  halfOpen(): void
  /** The same, and new connections get no byte either. */
  blackHole(): void
}

/** @param targetPort on 127.0.0.1, where connections lead. */
export async function startFaultProxy(targetPort: number): Promise<FaultProxy> {
  const pairs = new Set<Pair>()
  const state: State = { delayMs: 0, bytesPerSecond: Number.POSITIVE_INFINITY }
  let target = targetPort
  let accepts: 'pass' | 'refuse' | 'silent' = 'pass'
  let accepted = 0

  // Not closed by itself when the other side has ended: that is for the pair to pass on, or not.
  const server = createServer({ allowHalfOpen: true }, (client) => {
    accepted++
    if (accepts === 'refuse') {
      client.on('error', () => {})
      client.resetAndDestroy()
      return
    }
    const pair = createPair(client, accepts === 'silent' ? undefined : target, state, () => pairs.delete(pair))
    pairs.add(pair)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo

  const silence = (): void => {
    for (const pair of pairs) pair.silence()
  }
  const cut = (): void => {
    for (const pair of [...pairs]) pair.cut()
  }
  return {
    port,
    get open() {
      return pairs.size
    },
    get accepted() {
      return accepted
    },
    urlOf(url) {
      const changed = new URL(url)
      changed.port = String(port)
      return changed.href
    },
    leadTo(newTarget) {
      target = newTarget
    },
    pass() {
      accepts = 'pass'
      state.delayMs = 0
      state.bytesPerSecond = Number.POSITIVE_INFINITY
    },
    refuse() {
      accepts = 'refuse'
    },
    cut,
    delay(ms) {
      state.delayMs = ms
    },
    throttle(bytesPerSecond) {
      state.bytesPerSecond = bytesPerSecond
    },
    halfOpen: silence,
    blackHole() {
      accepts = 'silent'
      silence()
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      cut()
      await closed
    },
  }
}

interface State {
  delayMs: number
  bytesPerSecond: number
}

interface Pair {
  silence(): void
  cut(): void
}

/** @param target undefined: there is nobody at the other end, and nothing tells. */
function createPair(client: Socket, target: number | undefined, state: State, gone: () => void): Pair {
  let silent = target === undefined
  const server = target === undefined ? undefined : dial({ port: target, host: '127.0.0.1', allowHalfOpen: true })
  const sockets = server === undefined ? [client] : [client, server]

  for (const socket of sockets) {
    socket.setNoDelay(true)
    socket.on('error', () => {})
    socket.on('close', () => {
      // Each side of a connection that was silenced is on its own: nobody tells it what became of the other.
      if (!silent) for (const other of sockets) other.destroy()
      if (sockets.every(({ destroyed }) => destroyed)) gone()
    })
  }
  if (server === undefined) client.resume()
  else {
    forward(client, server, state, () => silent)
    forward(server, client, state, () => silent)
  }
  return {
    silence() {
      silent = true
    },
    cut() {
      for (const socket of sockets) socket.resetAndDestroy()
      gone()
    },
  }
}

/** In order, however late; reading pauses while much is on its way. */
function forward(from: Socket, to: Socket, state: State, silent: () => boolean): void {
  let sentAt = 0
  let arrivesAt = 0
  let underWay = 0
  /** Timers of different lengths may go off in another order: each delivers what has waited longest. */
  const waiting: (() => void)[] = []

  const later = (bytes: number, deliver: () => void): void => {
    const now = performance.now()
    sentAt = Math.max(sentAt, now) + (bytes / state.bytesPerSecond) * 1000
    // Not before what was sent earlier, when there was more delay.
    arrivesAt = Math.max(arrivesAt, sentAt + state.delayMs)
    if (arrivesAt <= now && underWay === 0) return deliver()
    underWay += bytes + 1
    waiting.push(deliver)
    if (underWay > underWayMax) from.pause()
    setTimeout(() => {
      underWay -= bytes + 1
      if (underWay <= underWayMax) from.resume()
      waiting.shift()?.()
    }, arrivesAt - now).unref()
  }
  from.on('data', (chunk) => {
    later(chunk.length, () => {
      if (!silent() && to.writable) to.write(chunk)
    })
  })
  from.on('end', () => {
    later(0, () => {
      if (!silent() && to.writable) to.end()
    })
  })
}

const underWayMax = 1_048_576
