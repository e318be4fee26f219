import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from '../helpers/eventually.ts'
import { startRedis } from '../helpers/redis.ts'
import { type SharedCounters, shareCounters } from '../helpers/redis-limiter.ts'

let counters: SharedCounters
beforeAll(async () => {
  counters = await shareCounters(await startRedis())
})
afterAll(() => counters[Symbol.asyncDispose]())
beforeEach(() => counters.redis.client.flushall())

const charge = { limit: 'key-minute', bucket: 'key_1', requests: 1000, windowMs: 60_000, cost: 1 }

describe('the Redis limiter', () => {
  it('admits exactly the limit when four nodes race for it', async () => {
    const nodes = await Promise.all([1, 2, 3, 4].map(() => counters.node()))
    const states = await Promise.all(
      Array.from({ length: 5000 }, async (_, index) => (await nodes[index % 4]?.charge([charge])) ?? []),
    )
    expect(states.filter(([state]) => state?.exceeded === false)).toHaveLength(1000)
    await Promise.all(nodes.map((node) => node.close()))
  })

  it('leaves nothing behind: every key expires with its window', async () => {
    const node = await counters.node()
    await node.charge([
      { ...charge, limit: 'short', windowMs: 40 },
      { ...charge, limit: 'long' },
    ])
    const keys = await counters.redis.client.keys('*')
    expect(keys.sort()).toEqual([`{${counters.prefix}}:limit:long:key_1`, `{${counters.prefix}}:limit:short:key_1`])
    expect(await counters.redis.client.pttl(keys[0] ?? '')).toBeGreaterThan(59_000)
    expect(await counters.redis.client.pttl(keys[0] ?? '')).toBeLessThanOrEqual(60_000)
    await expect.poll(() => counters.redis.client.keys('*')).toEqual([`{${counters.prefix}}:limit:long:key_1`])
    await node.close()
  })

  it('cuts a window that has begun to the new length when a limit is made shorter', async () => {
    const node = await counters.node()
    await node.charge([{ ...charge, windowMs: 3_600_000 }])
    const [state] = await node.charge([charge])
    expect(state?.resetMs).toBeLessThanOrEqual(60_000)
    expect(await counters.redis.client.pttl(`{${counters.prefix}}:limit:key-minute:key_1`)).toBeLessThanOrEqual(60_000)
    await node.close()
  })

  it.each([Number.NaN, -1, Number.POSITIVE_INFINITY, 0.5])('refuses a cost of %s and charges nothing', async (cost) => {
    const node = await counters.node()
    expect((await node.charge([{ ...charge, cost }]))[0]).toMatchObject({ exceeded: true, remaining: 1000 })
    expect(await counters.redis.client.dbsize()).toBe(0)
    await node.close()
  })

  it('goes on when the server has forgotten the script', async () => {
    const node = await counters.node()
    await node.charge([charge])
    await counters.redis.client.script('FLUSH')
    expect((await node.charge([charge]))[0]).toMatchObject({ exceeded: false, remaining: 998 })
    await node.close()
  })

  it('starts anew when someone has emptied the server', async () => {
    const node = await counters.node()
    await node.charge([charge])
    await counters.redis.client.flushall()
    expect((await node.charge([charge]))[0]).toMatchObject({ exceeded: false, remaining: 999 })
    await node.close()
  })

  it('asks with one round trip for all limits of a request', async () => {
    const node = await counters.node()
    await node.charge([charge])
    const before = await callsOf()
    await node.charge([charge, { ...charge, limit: 'org-day' }, { ...charge, limit: 'address' }])
    expect((await callsOf()) - before).toBe(1)
    await node.close()
  })

  it('says that it is unavailable when a counter is something else, and when memory has run out', async () => {
    const node = await counters.node()
    await counters.redis.client.set(`{${counters.prefix}}:limit:key-minute:key_1`, 'text')
    await expect(node.charge([charge])).rejects.toThrow(/WRONGTYPE/)
    await expect(node.charge([charge])).rejects.toMatchObject({ name: 'LimiterUnavailable' })
    await counters.redis.client.config('SET', 'maxmemory', '1')
    await expect(node.probe()).rejects.toThrow(/OOM/)
    await counters.redis.client.config('SET', 'maxmemory', '0')
    await node.probe()
    await node.close()
  })

  it('keeps what several gateways count on one server apart by their prefix', async () => {
    const [node, other] = [await counters.node(), await counters.node({ prefix: 'other' })]
    await node.charge([charge])
    expect((await other.charge([charge]))[0]?.remaining).toBe(999)
    await Promise.all([node.close(), other.close()])
  })
})

describe('without a connection', () => {
  it('says so at once, and works again when the server is back', async () => {
    await using own = await shareCounters(await startRedis())
    const node = await own.node()
    await own.redis.kill()
    await expect.poll(() => own.connected(node)).toBe(false)
    const before = performance.now()
    await expect(node.charge([charge])).rejects.toMatchObject({ name: 'LimiterUnavailable' })
    expect(performance.now() - before).toBeLessThan(100)
    await own.redis.restart()
    const states = await eventually('the limiter to answer again', () => node.charge([charge]))
    expect(states[0]?.remaining).toBe(999)
    await node.close()
  })
})

const callsOf = async (): Promise<number> => {
  const info = await counters.redis.client.info('commandstats')
  return Number(/cmdstat_evalsha:calls=(\d+)/.exec(info)?.[1] ?? 0)
}
