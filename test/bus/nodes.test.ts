import { describe, expect, it } from 'vitest'
import { joinNodes, type Nodes, soleNode } from '../../src/bus/nodes.ts'
import { systemClock } from '../../src/clock.ts'
import type { NodeRecord, NodesStore } from '../../src/store/nodes-store.ts'
import { eventually } from '../helpers/eventually.ts'

/** The rows that the nodes share, and messages between them that can be turned off. */
function world() {
  const rows = new Map<string, number>()
  const listeners = new Set<(node: string, seq: number) => void>()
  const faults: string[] = []
  const state = { hangs: false, messages: true }
  const never = new Promise<never>(() => {})
  const store: NodesStore = {
    beat: async ({ id, reached }) => (state.hangs ? never : void rows.set(id, Math.max(reached, rows.get(id) ?? 0))),
    listNodes: async () => (state.hangs ? never : [...rows].map(([id, reached]): NodeRecord => ({ id, reached }))),
    removeNode: async (id) => void rows.delete(id),
  }
  const join = (id: string): Nodes =>
    joinNodes({
      ...{ id, store, clock: systemClock, events: { fault: (where) => void faults.push(where) } },
      nudges: {
        acknowledge: (seq) => {
          if (state.messages) for (const listener of listeners) listener(id, seq)
        },
        onAcknowledged(listener) {
          listeners.add(listener)
          return () => listeners.delete(listener)
        },
      },
    })
  return Object.assign(state, { rows, listeners, join })
}

describe('the receipt of a change', () => {
  it('counts the nodes that hold nothing older, and waits for those that still do', async () => {
    const { join, rows } = world()
    const [a, b] = [join('a'), join('b')]
    await eventually('both to be known', () => rows.size === 2)
    a.reached(7)
    const receipt = a.receipt(7)
    setTimeout(() => b.reached(7), 50)
    const { live, acknowledged, ms } = await receipt
    expect({ live, acknowledged }).toEqual({ live: 2, acknowledged: 2 })
    expect(ms).toBeLessThan(1000)
    expect(ms).toBeGreaterThanOrEqual(40)
    await Promise.all([a.close(), b.close()])
  })

  it('says after a second that a node has not', async () => {
    const { join, rows } = world()
    const [a, b] = [join('a'), join('b')]
    await eventually('both to be known', () => rows.size === 2)
    a.reached(7)
    const { live, acknowledged, ms } = await a.receipt(7)
    expect({ live, acknowledged }).toEqual({ live: 2, acknowledged: 1 })
    expect(ms).toBeGreaterThanOrEqual(1000)
    await Promise.all([a.close(), b.close()])
  })

  it('comes without messages too, from what the nodes have written', async () => {
    const state = world()
    state.messages = false
    const [a, b] = [state.join('a'), state.join('b')]
    await eventually('both to be known', () => state.rows.size === 2)
    b.reached(9)
    a.reached(9)
    expect(await a.receipt(9)).toMatchObject({ live: 2, acknowledged: 2 })
    await Promise.all([a.close(), b.close()])
  })

  it('comes when the store hangs, for what this node knows of itself', async () => {
    const state = world()
    const a = state.join('a')
    await eventually('it to be known', () => state.rows.size === 1)
    state.hangs = true
    a.reached(3)
    const startedAt = performance.now()
    expect(await a.receipt(3)).toMatchObject({ live: 1, acknowledged: 1 })
    expect(performance.now() - startedAt).toBeLessThan(2500)
  })

  it('of a node that has its store to itself is there at once', async () => {
    expect(await soleNode.receipt(1)).toEqual({ live: 1, acknowledged: 1, ms: 0 })
  })
})

it('a node that leaves is counted no more, and listens no more', async () => {
  const { join, rows, listeners } = world()
  const [a, b] = [join('a'), join('b')]
  await eventually('both to be known', () => rows.size === 2)
  await b.close()
  expect([...rows.keys()]).toEqual(['a'])
  expect(listeners.size).toBe(1)
  a.reached(4)
  expect(await a.receipt(4)).toMatchObject({ live: 1, acknowledged: 1 })
  await a.close()
})
