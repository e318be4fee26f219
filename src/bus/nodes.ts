import type { Clock } from '../clock.ts'
import type { Events } from '../events.ts'
import type { NodesStore } from '../store/nodes-store.ts'
import { withTimeLimit } from '../time-limit.ts'
import type { Nudges } from './nudges.ts'

/** How far a change has come: of the nodes that live, how many hold nothing older, and how long that took. */
export interface Receipt {
  readonly live: number
  readonly acknowledged: number
  readonly ms: number
}

/** The nodes that share a store. */
export interface Nodes {
  /** This node holds nothing that is older than this sequence number. */
  reached(seq: number): void
  /** Resolves when every live node holds nothing older than `seq`, or after a second. Never rejects. */
  receipt(seq: number): Promise<Receipt>
  close(): Promise<void>
}

export interface NodesOptions {
  readonly id: string
  readonly store: NodesStore
  /** Quicker than to ask the store; left out, or silent, the store is asked. */
  readonly nudges?: Pick<Nudges, 'acknowledge' | 'onAcknowledged'>
  readonly clock: Pick<Clock, 'monotonic'>
  readonly events: Pick<Events, 'fault'>
}

/** A node that has its store to itself. */
export const soleNode: Nodes = {
  reached() {},
  receipt: () => Promise.resolve({ live: 1, acknowledged: 1, ms: 0 }),
  async close() {},
}

/** Says every other second that this node lives, and at once how far it has come. */
export function joinNodes({ id, store, nudges, clock, events }: NodesOptions): Nodes {
  const reached = new Map<string, number>()
  const waiting = new Set<() => void>()
  let own = 0
  let told = -1
  let beating: Promise<void> | undefined
  let closed = false

  const note = (node: string, seq: number): void => {
    if (seq <= (reached.get(node) ?? -1)) return
    if (reached.size >= nodesMax && !reached.has(node)) reached.clear()
    reached.set(node, seq)
    for (const wake of waiting) wake()
  }
  const stopListening = nudges?.onAcknowledged(note)

  const beat = async (): Promise<void> => {
    try {
      do {
        told = own
        await store.beat({ id, reached: told })
      } while (told < own && !closed)
    } catch (error) {
      told = -1
      events.fault('telling the other nodes that this one lives', error)
    }
    beating = undefined
  }
  const startBeat = (): void => {
    if (!closed) beating ??= beat()
  }
  const timer = setInterval(startBeat, beatEveryMs).unref()
  startBeat()

  /** @returns how many live, and how many of them have come that far. */
  const count = async (seq: number): Promise<Omit<Receipt, 'ms'>> => {
    const live = await store.listNodes(liveWithinMs)
    for (const node of live) note(node.id, node.reached)
    if (!live.some((node) => node.id === id)) live.push({ id, reached: own })
    return { live: live.length, acknowledged: live.filter((node) => (reached.get(node.id) ?? -1) >= seq).length }
  }

  return {
    reached(seq) {
      if (seq <= own) return
      own = seq
      note(id, seq)
      nudges?.acknowledge(seq)
      startBeat()
    },
    async receipt(seq) {
      const startedAt = clock.monotonic()
      let known: Omit<Receipt, 'ms'> = { live: 1, acknowledged: own >= seq ? 1 : 0 }
      for (;;) {
        known = await withTimeLimit(count(seq), receiptWithinMs).catch(() => known)
        const ms = Math.round((clock.monotonic() - startedAt) * 10) / 10
        if (known.acknowledged >= known.live || ms >= receiptWithinMs || closed) return { ...known, ms }
        await next(waiting, askEveryMs)
      }
    },
    async close() {
      closed = true
      clearInterval(timer)
      stopListening?.()
      for (const wake of waiting) wake()
      await beating
      await store.removeNode(id).catch(() => undefined)
    },
  }
}

/** Until somebody has come further, `ms` at most. */
function next(waiting: Set<() => void>, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const wake = (): void => {
      clearTimeout(timer)
      waiting.delete(wake)
      resolve()
    }
    const timer = setTimeout(wake, ms)
    waiting.add(wake)
  })
}

const beatEveryMs = 2000
/** Two beats may be missed. */
const liveWithinMs = 6000
const receiptWithinMs = 1000
const askEveryMs = 25
const nodesMax = 10_000
