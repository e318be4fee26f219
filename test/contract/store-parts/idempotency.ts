import { describe, expect } from 'vitest'
import type { OpenStore } from '../store.ts'
import { testOn } from './make.ts'

export function idempotencyContract(open: OpenStore): void {
  const it = testOn(open)

  describe('requests that may be sent again', () => {
    const sealed = Buffer.from('sealed')
    const answer = { sealed, sealedWith: 'm1' }

    it('start once, however many ask at once and through whichever process', async ({ store, opened }) => {
      const another = await opened.openAnother()
      const now = opened.clock.now()
      const times = { leaseEndsAt: now + 1000, expiresAt: now + 5000 }
      const started = await Promise.all(
        Array.from({ length: 10 }, (_, index) => (index % 2 ? store : another).startIdempotent('a', times)),
      )
      expect(started.filter(({ state }) => state === 'started')).toHaveLength(1)
      expect(started.filter(({ state }) => state === 'running')).toHaveLength(9)
      expect((await store.startIdempotent('b', times)).state).toBe('started')
    })

    it('give the answer from then on, after a restart too, until they expire', async ({ store, opened }) => {
      const now = opened.clock.now()
      const times = { leaseEndsAt: now + 1000, expiresAt: now + 5000 }
      const started = await store.startIdempotent('a', times)
      if (started.state !== 'started') throw new Error(started.state)
      expect(await store.finishIdempotent('a', started.lease, answer)).toBe(true)
      const again = await opened.reopen()
      opened.clock.advance(4999)
      const finished = await again.startIdempotent('a', times)
      expect(finished).toMatchObject({ state: 'finished' })
      expect(finished.state === 'finished' && Buffer.from(finished.answer)).toEqual(sealed)
      opened.clock.advance(1)
      expect((await again.startIdempotent('a', times)).state).toBe('started')
    })

    it('are taken over once the lease has run out, and then the first one changes nothing', async ({
      store,
      opened,
    }) => {
      const lease = (ms: number) => ({ leaseEndsAt: opened.clock.now() + ms, expiresAt: opened.clock.now() + 5000 })
      const first = await store.startIdempotent('a', lease(1000))
      opened.clock.advance(1000)
      const second = await store.startIdempotent('a', lease(1000))
      if (first.state !== 'started' || second.state !== 'started') throw new Error('both have the lease in turn')
      expect(await store.finishIdempotent('a', first.lease, { ...answer, sealed: Buffer.from('late') })).toBe(false)
      await store.releaseIdempotent('a', first.lease)
      expect((await store.startIdempotent('a', lease(1000))).state).toBe('running')
      expect(await store.finishIdempotent('a', second.lease, answer)).toBe(true)
      await store.releaseIdempotent('a', second.lease)
      expect((await store.startIdempotent('a', lease(1000))).state).toBe('finished')
    })

    it('can start anew after a release', async ({ store, opened: { clock } }) => {
      const times = { leaseEndsAt: clock.now() + 1000, expiresAt: clock.now() + 5000 }
      const first = await store.startIdempotent('a', times)
      if (first.state !== 'started') throw new Error(first.state)
      await store.releaseIdempotent('a', first.lease)
      expect((await store.startIdempotent('a', times)).state).toBe('started')
    })

    it('are free at once when the leases of those that are gone are ended; what is finished stays', async ({
      store,
      opened: { clock },
    }) => {
      const times = { leaseEndsAt: clock.now() + 1000, expiresAt: clock.now() + 5000 }
      const [done, first] = [await store.startIdempotent('done', times), await store.startIdempotent('a', times)]
      if (done.state !== 'started' || first.state !== 'started') throw new Error('both are new')
      await store.finishIdempotent('done', done.lease, answer)
      await store.endIdempotentLeases()
      // Who lives after all can finish as long as nobody has taken over.
      expect((await store.startIdempotent('a', times)).state).toBe('started')
      expect(await store.finishIdempotent('a', first.lease, answer)).toBe(false)
      expect((await store.startIdempotent('done', times)).state).toBe('finished')
    })

    it('tell which master keys their answers take, and until when', async ({ store, opened: { clock } }) => {
      const now = clock.now()
      expect(await store.masterKeysOfAnswers()).toEqual([])
      for (const [id, sealedWith, lasts] of [
        ['a', 'm1', 2000],
        ['b', 'm1', 3000],
        ['c', 'm2', 4000],
      ] as const) {
        const started = await store.startIdempotent(id, { leaseEndsAt: now + 1000, expiresAt: now + lasts })
        if (started.state === 'started') await store.finishIdempotent(id, started.lease, { sealed, sealedWith })
      }
      await store.startIdempotent('running', { leaseEndsAt: now + 1000, expiresAt: now + 9000 })
      const both = [
        { masterKeyId: 'm1', until: now + 3000 },
        { masterKeyId: 'm2', until: now + 4000 },
      ]
      expect((await store.masterKeysOfAnswers()).toSorted((a, b) => a.until - b.until)).toEqual(both)
      clock.advance(3000)
      expect(await store.masterKeysOfAnswers()).toEqual(both.slice(1))
    })

    it('are deleted when they have expired, some with each start and the rest by pruning', async ({
      store,
      opened,
    }) => {
      const { clock } = opened
      const times = () => ({ leaseEndsAt: clock.now() + 10, expiresAt: clock.now() + 10 })
      for (let index = 0; index < 30; index++) await store.startIdempotent(`old ${index}`, times())
      clock.advance(10)
      await store.startIdempotent('new', times())
      expect(await store.pruneIdempotent(clock.now(), 4)).toBe(4)
      expect(await store.pruneIdempotent(clock.now(), 100)).toBe(6)
      expect((await store.startIdempotent('new', times())).state).toBe('running')
    })
  })
}
