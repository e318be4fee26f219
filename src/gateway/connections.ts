import type { Socket } from 'node:net'
import type { Config } from '../config/schema.ts'
import type { Events } from '../events.ts'
import { networkOf } from '../limiter/network.ts'
import { openFilesMax } from './open-files.ts'
import { Queue, type Queued } from './queue.ts'

export interface ConnectionsOptions {
  readonly bounds: Config['connections']
  /** Peers that speak for many callers, and may have as many connections as there are. */
  readonly trusts: (address: string) => boolean
  readonly events: Pick<Events, 'connectionClosed'>
}

/** One connection as far as its number and its memory are concerned. */
export interface Place {
  /** Part of a head that is not whole yet has come. */
  received(bytes: number): void
  /** A head is whole: a request is under way. */
  busy(): void
  /** The last request is over. @param held bytes of the next head that have come. */
  idle(held: number): void
}

/**
 * How many connections there are: of one peer (IPv6: of its /64), and of all. When all places are taken those that idle are
 * closed for a new one, oldest first, then those that have not finished their head, oldest first: whoever sends at once is
 * younger than whoever holds places. A request that is under way is never ended for another one.
 * Bytes of heads that are not whole are bounded too, over all connections: beyond it the oldest of them go.
 */
export class Connections {
  readonly #options: ConnectionsOptions
  readonly #total: number
  readonly #ofPeer = new Map<string, number>()
  readonly #idle = new Queue<OnePlace>()
  readonly #unfinished = new Queue<OnePlace>()
  #count = 0
  #headBytes = 0

  constructor(options: ConnectionsOptions) {
    const { total } = options.bounds
    this.#options = options
    this.#total = total === 'auto' ? totalFor(openFilesMax()) : total
  }

  /** How many there are. */
  get size(): number {
    return this.#count
  }

  /** A place for a connection that was just made; undefined where there is none, and then it is closed already. */
  admit(socket: Socket): Place | undefined {
    const { bounds, trusts } = this.#options
    const address = socket.remoteAddress
    // It was gone before anybody looked.
    if (address === undefined) return void socket.destroy()
    const peer = networkOf(address)
    const before = this.#ofPeer.get(peer) ?? 0
    if (before >= bounds.per_peer && !trusts(address)) return this.#refuse(socket, 'peer')
    if (this.#count >= this.#total && !this.#makeRoom()) return this.#refuse(socket, 'full')
    this.#count++
    this.#ofPeer.set(peer, before + 1)
    const place = new OnePlace(socket, this)
    this.#unfinished.add(place)
    socket.once('close', () => this.#leave(place, peer))
    return place
  }

  /** @internal */
  received(place: OnePlace, bytes: number): void {
    if (place.queue === undefined) return
    if (place.queue !== this.#unfinished) this.#unfinished.add(place)
    place.headBytes += bytes
    this.#headBytes += bytes
    while (this.#headBytes > this.#options.bounds.heads) {
      const oldest = this.#unfinished.first
      if (oldest === undefined) return
      this.#close(oldest, 'heads')
    }
  }

  /** @internal */
  busy(place: OnePlace): void {
    this.#forgetHead(place)
    place.queue?.remove(place)
  }

  /** @internal */
  idle(place: OnePlace, held: number): void {
    if (place.closed) return
    this.#idle.add(place)
    if (held > 0) this.received(place, held)
  }

  #makeRoom(): boolean {
    const idle = this.#idle.first
    const oldest = idle ?? this.#unfinished.first
    if (oldest === undefined) return false
    this.#close(oldest, idle === undefined ? 'unfinished' : 'idle')
    return true
  }

  #refuse(socket: Socket, why: 'peer' | 'full'): undefined {
    socket.destroy()
    this.#options.events.connectionClosed(why)
  }

  #close(place: OnePlace, why: 'idle' | 'unfinished' | 'heads'): void {
    place.queue?.remove(place)
    this.#forgetHead(place)
    place.closed = true
    // Its place is free from now on, though the socket tells of its end a little later.
    this.#count--
    place.socket.destroy()
    this.#options.events.connectionClosed(why)
  }

  #leave(place: OnePlace, peer: string): void {
    const left = (this.#ofPeer.get(peer) ?? 1) - 1
    if (left === 0) this.#ofPeer.delete(peer)
    else this.#ofPeer.set(peer, left)
    if (place.closed) return
    place.closed = true
    this.#count--
    this.#forgetHead(place)
    place.queue?.remove(place)
  }

  #forgetHead(place: OnePlace): void {
    this.#headBytes -= place.headBytes
    place.headBytes = 0
  }
}

class OnePlace implements Place, Queued<OnePlace> {
  readonly socket: Socket
  readonly #all: Connections
  headBytes = 0
  closed = false
  queue: Queue<OnePlace> | undefined
  before: OnePlace | undefined
  behind: OnePlace | undefined

  constructor(socket: Socket, all: Connections) {
    this.socket = socket
    this.#all = all
  }

  received(bytes: number): void {
    this.#all.received(this, bytes)
  }

  busy(): void {
    this.#all.busy(this)
  }

  idle(held: number): void {
    this.#all.idle(this, held)
  }
}

/**
 * What is left of the files that the process may open, after those of its own and as many again for connections to the
 * APIs. More than 32,768 take more memory than most machines have for it.
 */
const totalFor = (filesMax: number): number => Math.max(16, Math.min(32_768, Math.floor((filesMax - ownFiles) / 2)))
const ownFiles = 128
