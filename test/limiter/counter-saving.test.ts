import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { startCounterSaving } from '../../src/limiter/counter-saving.ts'

const events = { fault: () => {} }
const limiter = {
  dump: () => [{ key: 'all', used: 1, endsAt: 1 }],
  takeChanged: () => [{ key: 'changed', used: 1, endsAt: 1 }],
}

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** A store that answers each save as the test says. */
function setUp() {
  const saves: { keys: string[]; answer: PromiseWithResolvers<void> }[] = []
  const saveCounters = (counters: readonly { key: string }[]) => {
    const answer = Promise.withResolvers<void>()
    saves.push({ keys: counters.map(({ key }) => key), answer })
    return answer.promise
  }
  return { saves, saving: startCounterSaving({ limiter, store: { saveCounters }, events }) }
}

it('sends nothing more to a store that has not answered yet', async () => {
  const { saves } = setUp()
  await vi.advanceTimersByTimeAsync(60_000)
  expect(saves.length).toBe(1)
  saves[0]?.answer.resolve()
  await vi.advanceTimersByTimeAsync(1000)
  expect(saves.length).toBe(2)
})

it('sends what has changed, and everything after a save that failed and at the end', async () => {
  const { saves, saving } = setUp()
  await vi.advanceTimersByTimeAsync(1000)
  saves[0]?.answer.reject(new Error('disk full'))
  await vi.advanceTimersByTimeAsync(1000)
  saves[1]?.answer.resolve()
  await vi.advanceTimersByTimeAsync(1000)
  const closed = saving.close()
  saves[2]?.answer.resolve()
  await vi.advanceTimersByTimeAsync(0)
  saves[3]?.answer.resolve()
  await closed
  expect(saves.map(({ keys }) => keys.join())).toEqual(['changed', 'all', 'changed', 'all'])
})

it('holds up the end by two seconds at most, and does not fail it', async () => {
  const hung = setUp()
  const closed = hung.saving.close()
  await vi.advanceTimersByTimeAsync(2000)
  await closed
  const broken = setUp()
  const alsoClosed = broken.saving.close()
  await vi.advanceTimersByTimeAsync(0)
  broken.saves[0]?.answer.reject(new Error('disk full'))
  await alsoClosed
})
