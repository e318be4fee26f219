import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { setTimeout as wait } from 'node:timers/promises'
import type { Clock } from '../clock.ts'
import type { Certificate } from '../config/certificates.ts'
import { plainAddress } from '../config/cidr.ts'
import type { Address, Config } from '../config/schema.ts'
import type { ErrorCode } from '../errors.ts'
import type { Events } from '../events.ts'
import { uuidv7 } from '../ids.ts'
import { type Arriving, Connection } from './connection.ts'
import { Connections, type Place } from './connections.ts'
import { type Arrival, Exchange } from './exchange.ts'
import { handle } from './handle.ts'
import { listen, openServer, renewal } from './http-server.ts'
import { NodeWire, responseForUpgrade } from './node-wire.ts'
import { Pipelined } from './pipelined.ts'
import type { Plan } from './plan.ts'
import { slowReaders } from './slow-readers.ts'
import { codeOf, type ParserError, refuseUnreadable } from './unreadable.ts'

export interface ListenerDependencies {
  /** With it the data plane speaks TLS. */
  readonly certificate: Certificate | undefined
  /** The plan in force; a request keeps the one that it began with. */
  readonly plan: () => Plan
  readonly clock: Clock
  readonly events: Pick<Events, 'fault' | 'connectionClosed'>
  /** Proxies in front, which speak for many callers. */
  readonly trusts: (address: string) => boolean
  readonly finished: (exchange: Exchange) => void
}

export interface Listener {
  listen(address: Address): Promise<{ host: string; port: number }>
  /**
   * @returns what gives new connections this certificate; undefined stays as it is.
   * @throws when it is not one, or its key not that of it.
   */
  renew(certificate: Certificate | undefined): () => void
  readonly listening: boolean
  /** Requests that are not over. */
  readonly inFlight: number
  readonly connections: number
  /** From now on every answer closes its connection. */
  drain(): void
  /** Takes no new connections; idle ones are closed. Resolves when the last one is gone. */
  close(): Promise<void>
  /** Breaks every connection. */
  destroy(): void
}

/** At the end a connection that is younger may still send its first request. */
const firstByteMs = 500

/** Callers who are busy send the next request within this time after an answer. */
const lastWordsMs = 100

/** The HTTP front of the data plane, on `node:http`. */
export function createListener(
  config: Pick<Config, 'timeouts' | 'connections'>,
  dependencies: ListenerDependencies,
): Listener {
  const { certificate, clock, events, finished, plan, trusts } = dependencies
  const places = new Connections({ bounds: config.connections, trusts, events })
  const pipelined = new Pipelined(() => events.connectionClosed('pipelined'))
  const connections = new Map<Socket, Connection>()
  /** As the kernel gave them: with TLS those whose handshake is not over, too. */
  const sockets = new Set<Socket>()
  /** With TLS: the places of connections, by their other end. */
  const handshakes = new Map<string, Place>()
  let shown = certificate
  let draining = false
  let closing = false
  let inFlight = 0
  let finishedAt = Number.NEGATIVE_INFINITY
  const isDraining = (): boolean => draining
  const server = openServer(
    config,
    certificate,
    // Node takes its hands off a connection that is upgraded; while an answer is under way it can't.
    ({ socket }) => connections.get(socket)?.isBusy === false,
  )

  function openConnection(socket: Socket, place: Place): void {
    const connection = new Connection(socket, place, pipelined, (code) => broke(connection, code))
    connections.set(socket, connection)
    socket.on('close', () => connections.delete(socket))
  }

  const closeSlowReaders = slowReaders(connections, clock, config.timeouts.write_idle, () =>
    events.connectionClosed('unread'),
  )
  const sweeping = setInterval(closeSlowReaders, Math.min(1000, config.timeouts.write_idle / 2)).unref()

  const arrive = (socket: Socket): Arrival => {
    const at = clock.now()
    const peer = plainAddress(socket.remoteAddress ?? '')
    return { id: uuidv7(at), at, startedAt: clock.monotonic(), peer, secure: certificate !== undefined }
  }

  /** @param responseTo asked when it is the request's turn: before that the answer to another has the connection. */
  function accept(
    request: IncomingMessage,
    responseTo: () => ServerResponse,
    expects: boolean,
    upgradeHead?: Buffer,
  ): void {
    const { socket } = request
    const connection = connections.get(socket)
    if (connection === undefined || connection.ended || connection.refused) return
    const broken = connection.watch.judge(request)
    const arriving: Arriving = { request, broken, exchange: undefined, over: false }
    connection.arriving = arriving
    if (upgradeHead !== undefined) connection.upgrade()
    const begin = (): void => {
      inFlight++
      const closed = (complete: boolean): void => {
        inFlight--
        finishedAt = performance.now()
        arriving.over = true
        exchange.gone = !complete
        finished(exchange)
        // Also behind one that broke off: nobody is there any more to be answered.
        if (wire.closing || !complete) connection.end()
        else next(connection)
      }
      const wire = new NodeWire(request, responseTo(), isDraining, expects, upgradeHead, closed)
      const raw = {
        method: request.method ?? '',
        target: request.url ?? '',
        version: request.httpVersion,
        headers: request.rawHeaders,
      }
      const exchange = new Exchange(raw, arrive(socket), wire)
      exchange.mayUpgrade = upgradeHead !== undefined
      exchange.broken = arriving.broken
      arriving.exchange = exchange
      connection.current = exchange
      run(exchange, plan())
    }
    connection.enter(begin)
  }

  function broke(connection: Connection, code: ErrorCode): void {
    const { socket } = connection
    connection.broke(code, (head) => refuseUnreadable(code, head, arrive(socket), socket, plan(), finished))
  }

  function next(connection: Connection): void {
    connection.next()
    // Its answer may have begun before the drain, and then promised to keep the connection.
    if (closing) server.closeIdleConnections()
  }

  function run(exchange: Exchange, current: Plan): void {
    // Not a closure over the exchange: see docs/decisions/0004-what-made-it-faster.md.
    exchange.refuse = current.deny
    handle(exchange, current).catch((error: unknown) => {
      events.fault('request', error, exchange)
      try {
        exchange.forwarding?.cancel('INTERNAL')
        if (exchange.status === 0) current.deny(exchange, 'INTERNAL')
      } catch (second) {
        events.fault('request', second, exchange)
        exchange.wire.abort()
      }
    })
  }

  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    const place = places.admit(socket)
    if (place === undefined) return
    if (certificate === undefined) return openConnection(socket, place)
    const end = endOf(socket)
    handshakes.set(end, place)
    socket.on('close', () => handshakes.delete(end))
  })
  // With TLS the bytes of the requests are those of another socket, which there is once the handshake is over.
  server.on('secureConnection', (socket: Socket) => {
    const place = handshakes.get(endOf(socket))
    if (place === undefined) return void socket.destroy()
    openConnection(socket, place)
  })
  server.on('request', (request: IncomingMessage, response: ServerResponse) => accept(request, () => response, false))
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) =>
    accept(request, () => response, true),
  )
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) =>
    accept(request, () => response, false),
  )
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy())
    accept(request, () => responseForUpgrade(request, socket), false, head)
  })
  // Not a proxy for other hosts: the head is judged like any other, and refused for its method.
  server.on('connect', (request: IncomingMessage, socket: Duplex) => {
    socket.on('error', () => socket.destroy())
    accept(request, () => responseForUpgrade(request, socket), false, Buffer.alloc(0))
  })
  server.on('clientError', (error: ParserError, socket: Duplex) => {
    if (error.code !== 'ERR_HTTP_REQUEST_TIMEOUT') return failed(error, socket)
    const before = connections.get(socket as Socket)?.arriving
    // Its bytes may have come in time, and wait to be read behind whatever kept us from it: one turn of the event loop for that.
    setImmediate(() => {
      if (connections.get(socket as Socket)?.arriving === before) failed(error, socket)
    })
  })

  function failed(error: ParserError, socket: Duplex): void {
    const connection = connections.get(socket as Socket)
    // What is no connection yet has failed in its handshake.
    if (connection === undefined || !socket.writable || (socket as Socket).bytesRead === 0) return void socket.destroy()
    const inBody = connection.arriving?.request.complete === false
    broke(connection, codeOf(error, inBody ? undefined : connection.watch.unread))
  }

  return {
    get listening() {
      return server.listening
    },
    get inFlight() {
      return inFlight
    },
    get connections() {
      return places.size
    },
    listen: (address) => listen(server, address),
    renew(next) {
      // Who comes back goes on where its handshake ended, unless the certificate is another one.
      if (next === undefined || (next.cert === shown?.cert && next.key === shown.key)) return () => {}
      const renew = renewal(server, next)
      return () => {
        shown = next
        renew()
      }
    },
    drain() {
      draining = true
    },
    async close() {
      draining = true
      // What callers have just sent, on connections that look idle or are not accepted yet, is still read and answered.
      if (server.listening && performance.now() - finishedAt < lastWordsMs * 10) await wait(lastWordsMs)
      if (!server.listening) return
      closing = true
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeIdleConnections()
      // For Node one that has sent nothing yet is busy with its first request. So is one that was opened a moment ago.
      const destroySilent = (openedBefore: number): void => {
        for (const [socket, { watch, openedAt }] of connections) {
          if (watch.silent && openedAt <= openedBefore) socket.destroy()
        }
      }
      destroySilent(performance.now() - firstByteMs)
      const late = setTimeout(destroySilent, firstByteMs, Number.POSITIVE_INFINITY)
      await closed
      clearTimeout(late)
    },
    destroy: () => {
      clearInterval(sweeping)
      if (server.listening) server.close()
      server.closeAllConnections()
      for (const socket of sockets) socket.destroy()
    },
  }
}

const endOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`
