import { Worker } from 'node:worker_threads'
import { describe, expect, it } from 'vitest'
import { LimiterUnavailable } from '../../src/limiter/limiter.ts'
import { StoreConflict, StoreUnavailable } from '../../src/store/store.ts'
import { forkWorker } from '../../src/workers/fork.ts'
import { type Api, createPeer, type Message, PeerGone, PeerSilent, type Port } from '../../src/workers/peer.ts'
import { within } from '../helpers/eventually.ts'

type Echo = { say(word: string): Promise<string>; note(word: string): void }

/** Two ends; `written` is when the kernel would have it. */
function pair(own: Api, failed: (name: string) => void = () => {}) {
  const listeners: [((message: Message) => void)[], ((message: Message) => void)[]] = [[], []]
  const port = (to: 0 | 1, from: 0 | 1): Port => ({
    send(message, written) {
      const copy = structuredClone(message)
      setImmediate(() => {
        written()
        for (const listen of listeners[to]) listen(copy)
      })
      return true
    },
    onMessage: (listen) => void listeners[from].push(listen),
  })
  createPeer(port(0, 1), own, failed)
  return createPeer<Echo>(port(1, 0), {}, () => {})
}

describe('a peer', () => {
  it('rejects as the other side does, with what the store and the limiter throw', async () => {
    const thrown: Error[] = [new StoreUnavailable('down'), new StoreConflict('slug'), new LimiterUnavailable('away')]
    const peer = pair({
      async say() {
        throw thrown.shift() ?? Object.assign(new Error('taken'), { code: 'EADDRINUSE', address: '::1', port: 80 })
      },
    })
    await expect(peer.call('say', '')).rejects.toThrow(StoreUnavailable)
    await expect(peer.call('say', '')).rejects.toMatchObject({ name: 'StoreConflict', field: 'slug' })
    await expect(peer.call('say', '')).rejects.toThrow(LimiterUnavailable)
    await expect(peer.call('say', '')).rejects.toMatchObject({ code: 'EADDRINUSE', address: '::1', port: 80 })
  })

  it('tells of what was only told and failed, at once or later', async () => {
    const failed: string[] = []
    const own = {
      say: async () => {
        throw new Error('later')
      },
      note() {
        throw new Error('at once')
      },
    }
    const peer = pair(own, (name) => failed.push(name))
    peer.tell('say', '')
    peer.tell('note', '')
    await expect(peer.call('say', '')).rejects.toThrow('later')
    expect(failed.sort()).toEqual(['note', 'say'])
  })

  it('does not fill the memory for one that reads nothing', async () => {
    let held = 0
    const peer = createPeer<Echo>({ send: () => ++held < 0, onMessage: () => {} }, {}, () => {})
    const told = Array.from({ length: 2000 }, () => peer.tell('note', 'x'))
    expect(told[0]).toBe(true)
    expect(told.at(-1)).toBe(false)
    await expect(peer.call('say', 'x')).rejects.toThrow(PeerSilent)
    expect(held).toBeLessThanOrEqual(1000)
  })

  it('goes on when the other one reads again', async () => {
    const waiting: (() => void)[] = []
    const peer = createPeer<Echo>(
      { send: (_, written) => waiting.push(written) < 0, onMessage: () => {} },
      {},
      () => {},
    )
    while (peer.tell('note', 'x'));
    for (const written of waiting) written()
    expect(peer.tell('note', 'x')).toBe(true)
  })

  it('does not wait for what can’t be sent', async () => {
    const peer = pair({})
    const unsendable = (() => {}) as unknown as string
    await expect(within(1000, 'an answer', peer.call('say', unsendable))).rejects.toThrow(/clone/)
  })

  it('rejects what waits once the other one is gone', async () => {
    const peer = pair({ say: () => new Promise(() => {}) })
    const answer = peer.call('say', '')
    peer.close()
    await expect(answer).rejects.toThrow(PeerGone)
    await expect(peer.call('say', '')).rejects.toThrow(PeerGone)
    expect(peer.tell('note', '')).toBe(false)
  })

  it('does not take an answer for missing that came while it stood still itself', async () => {
    const thread = new Worker(
      `const { parentPort } = require('node:worker_threads')
       parentPort.on('message', ({ call, body }) => call && parentPort.postMessage({ answer: call, value: body }))`,
      { eval: true },
    )
    const port: Port = {
      send(message, written) {
        thread.postMessage(message)
        written()
        return true
      },
      onMessage: (listen) => void thread.on('message', listen),
    }
    const peer = createPeer<Echo>(port, {}, () => {})
    expect(await peer.call('say', 'first', 5000)).toBe('first')
    const answer = peer.call('say', 'second', 50)
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 400)
    expect(await answer).toBe('second')
    await thread.terminate()
  })
})

it('a process that can’t even be started has ended', async () => {
  const { execPath } = process
  process.execPath = '/nowhere/node'
  try {
    const child = forkWorker()
    expect(await within(2000, 'the end', new Promise<string>((resolve) => child.onExit(resolve)))).toContain('ENOENT')
  } finally {
    process.execPath = execPath
  }
})
