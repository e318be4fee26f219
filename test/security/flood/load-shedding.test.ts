import { afterEach, describe, expect, it } from 'vitest'
import { LoadShedding } from '../../../src/gateway/load-shedding.ts'
import { eventually } from '../../helpers/eventually.ts'
import { type Gateway, startGateway, type TestKey } from '../../helpers/gateway.ts'
import { expectProblem } from '../../helpers/problem.ts'
import { plainResponse, type RawUpstream, startRawUpstream } from '../../helpers/raw-upstream.ts'

describe('what is turned away', () => {
  function setUp({ in_flight = 1000, delay = 250 } = {}) {
    const told: (string | undefined)[] = []
    const world = { told, inFlight: 1 }
    const shedding = new LoadShedding({
      bounds: () => ({ in_flight, delay }),
      inFlight: () => world.inFlight,
      events: { overloaded: (why) => void told.push(why) },
    })
    /** How many of so many are turned away. */
    const turnedAway = (count: number, known: boolean): number => {
      let refused = 0
      for (let each = 0; each < count; each++) if (shedding.refuses(() => known)) refused++
      return refused
    }
    const sample = (lateMs: number, requests = 100): void => {
      turnedAway(requests, false)
      shedding.sample(lateMs)
    }
    return Object.assign(world, { shedding, turnedAway, sample })
  }

  it('is nothing while the event loop is in time', () => {
    const world = setUp()
    for (let each = 0; each < 20; each++) world.sample(249)
    expect(world.turnedAway(100, false)).toBe(0)
    expect(world.told).toEqual([])
  })

  it('is nothing for one hiccup, and nothing when few requests come: it is not they that make it late', () => {
    const world = setUp()
    for (let each = 0; each < 10; each++) {
      world.sample(5000)
      world.sample(0)
    }
    for (let each = 0; each < 10; each++) world.sample(5000, 49)
    expect(world.turnedAway(100, false)).toBe(0)
    expect(world.told).toEqual([])
  })

  it('is everybody who is not known from the second late sample on, and no one who is', () => {
    const world = setUp()
    world.sample(250)
    world.sample(250)
    expect(world.turnedAway(100, false)).toBe(100)
    expect(world.turnedAway(100, true)).toBe(0)
    expect(world.told).toEqual(['event_loop'])
  })

  it('is more and more of the known too while that does not help, nine in ten at most, and less again when it does', () => {
    const world = setUp()
    world.sample(300)
    for (const expected of [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 90]) {
      world.sample(300)
      expect(world.turnedAway(100, true)).toBe(expected)
    }
    for (const expected of [80, 70, 60, 50, 40, 30, 20, 10, 0]) {
      world.sample(100)
      expect(world.turnedAway(100, true)).toBe(expected)
    }
    expect(world.told).toEqual(['event_loop'])
  })

  it('is nothing again after a second in which it was in time, not before', () => {
    const world = setUp()
    world.sample(300)
    world.sample(300)
    for (let each = 0; each < 9; each++) world.sample(10)
    expect(world.turnedAway(10, false)).toBe(10)
    world.sample(10)
    expect(world.turnedAway(10, false)).toBe(0)
    expect(world.told).toEqual(['event_loop', undefined])
  })

  it('is what goes beyond the bound in flight; the last quarter is for those who are known', () => {
    const world = setUp({ in_flight: 100 })
    const refusedAt = (inFlight: number, known: boolean): number => {
      world.inFlight = inFlight
      return world.turnedAway(1, known)
    }
    expect([75, 76, 100, 101].map((inFlight) => refusedAt(inFlight, false))).toEqual([0, 1, 1, 1])
    expect([75, 76, 100, 101].map((inFlight) => refusedAt(inFlight, true))).toEqual([0, 0, 0, 1])
    expect(world.told).toEqual(['in_flight'])
    for (let each = 0; each < 20; each++) world.shedding.sample(0)
    expect(world.told).toEqual(['in_flight'])
    world.inFlight = 50
    for (let each = 0; each < 10; each++) world.shedding.sample(0)
    expect(world.told).toEqual(['in_flight', undefined])
  })
})

describe('a gateway with all that it takes in flight', () => {
  let upstream: RawUpstream
  let gateway: Gateway
  let key: TestKey
  afterEach(async () => {
    await gateway[Symbol.asyncDispose]()
    await upstream[Symbol.asyncDispose]()
  })

  it('answers 503 OVERLOADED at once, serves what is there, and goes on when it is over', async () => {
    upstream = await startRawUpstream()
    gateway = await startGateway(`
upstreams: { api: { targets: ['${upstream.url}'] } }
overload: { in_flight: 8 }
routes: [{ path: /*, upstream: api }]
`)
    key = await gateway.createKey()
    const release = Promise.withResolvers<void>()
    upstream.respond(async ({ request, send }) => {
      if (request.target === '/slow') await release.promise
      send(plainResponse())
    })
    expect((await gateway.request('GET', '/known', { key })).status).toBe(200)
    const clients = await Promise.all(Array.from({ length: 8 }, () => gateway.connect()))
    for (const [index, client] of clients.entries()) {
      await client.send(gateway.compose('GET', '/slow', { key }))
      await eventually('it to arrive', () => upstream.requests.length === index + 2)
    }
    upstream.forget()

    const refused = await gateway.request('GET', '/x', { key, headers: { 'X-Request-Id': 'turned-away' } })
    expectProblem(refused, 503, 'OVERLOADED')
    expect(Number(refused.header('retry-after'))).toBeGreaterThan(0)
    expect(refused.header('connection')).toBe('close')
    expectProblem(await gateway.request('GET', '/x', { key: gateway.unknownKey() }), 503, 'OVERLOADED')
    expect(upstream.bytesReceived()).toBe(0)
    // The other plane is none of it.
    expect((await fetch(`${gateway.adminUrl}/readyz`)).status).toBe(200)
    expect(await gateway.metrics()).toContain('\nsallyport_overloaded 1\n')

    release.resolve()
    for (const client of clients) {
      expect((await client.response()).status).toBe(200)
      client[Symbol.dispose]()
    }
    expect((await gateway.request('GET', '/x', { key })).status).toBe(200)
    await eventually('it to be over', async () => (await gateway.metrics()).includes('\nsallyport_overloaded 0\n'))
    const rows = await gateway.requestLog()
    expect(rows.filter(({ code }) => code === 'OVERLOADED').length).toBe(2)
    expect(rows.filter(({ requestId }) => requestId === 'turned-away')).toMatchObject([
      { status: 503, route: null, keyId: null },
    ])
  })
})
