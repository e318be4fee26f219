import { describe, expect } from 'vitest'
import type { OpenStore } from '../store.ts'
import { testOn } from './make.ts'

export function nodesContract(open: OpenStore): void {
  const it = testOn(open)

  describe('nodes', () => {
    it('are listed with how far they have come, until they leave', async ({ store, opened }) => {
      const another = await opened.openAnother()
      await store.beat({ id: 'node_a', reached: 3 })
      await another.beat({ id: 'node_b', reached: 5 })
      expect(await store.listNodes(60_000)).toEqual([
        { id: 'node_a', reached: 3 },
        { id: 'node_b', reached: 5 },
      ])
      await store.removeNode('node_a')
      expect(await another.listNodes(60_000)).toEqual([{ id: 'node_b', reached: 5 }])
    })

    it('never go back, whichever of two beats comes last', async ({ store }) => {
      await store.beat({ id: 'node_a', reached: 7 })
      await store.beat({ id: 'node_a', reached: 4 })
      expect(await store.listNodes(60_000)).toEqual([{ id: 'node_a', reached: 7 }])
    })

    it('are not listed when nothing was heard of them for too long', async ({ store }) => {
      await store.beat({ id: 'node_a', reached: 7 })
      // Less than no time: whenever it was heard of, that is longer ago.
      expect(await store.listNodes(-60_000)).toEqual([])
    })
  })
}
