import { describe, expect, it } from 'vitest'
import { createFailureGuard } from '../../src/limiter/failures.ts'
import { networkBytes, writeNetwork } from '../../src/limiter/network.ts'
import { testClock } from '../helpers/clock.ts'

function setUp({ requests = 60, perMs = 60_000 } = {}) {
  const clock = testClock()
  const guard = createFailureGuard({ clock, requests, perMs })
  const fail = (address: string, times: number): void => {
    for (let time = 0; time < times; time++) guard.failed(address)
  }
  return { clock, guard, fail }
}

describe('the failure guard', () => {
  it('allows an address until it has failed as often as it may', () => {
    const { guard, fail } = setUp()
    fail('192.0.2.1', 59)
    expect(guard.allows('192.0.2.1')).toBe(true)
    fail('192.0.2.1', 1)
    expect(guard.allows('192.0.2.1')).toBe(false)
    expect(guard.allows('192.0.2.2')).toBe(true)
  })

  it('counts failures alone: asking costs nothing', () => {
    const { guard } = setUp({ requests: 1 })
    for (let time = 0; time < 100; time++) expect(guard.allows('192.0.2.1')).toBe(true)
  })

  it('begins the window with the first failure, and does not prolong it', () => {
    const { clock, guard, fail } = setUp()
    fail('192.0.2.1', 1)
    clock.advance(59_000)
    fail('192.0.2.1', 500)
    expect(guard.retryAfterMs('192.0.2.1')).toBe(1000)
    clock.advance(1000)
    expect(guard.allows('192.0.2.1')).toBe(true)
    expect(guard.retryAfterMs('192.0.2.1')).toBe(0)
  })

  it('tells nobody to wait who is below the limit', () => {
    const { guard, fail } = setUp()
    fail('192.0.2.1', 59)
    expect(guard.retryAfterMs('192.0.2.1')).toBe(0)
  })

  it('gives an address beyond the limit 20 look-ups a second', () => {
    const { clock, guard } = setUp()
    const taken = () => Array.from({ length: 50 }, () => guard.takeLookup('192.0.2.1')).filter(Boolean).length
    expect(taken()).toBe(20)
    expect(guard.takeLookup('192.0.2.2')).toBe(true)
    clock.advance(999)
    expect(taken()).toBe(0)
    clock.advance(1)
    expect(taken()).toBe(20)
  })

  it('counts all of an IPv6 /64 as one, and the next /64 apart', () => {
    const { guard, fail } = setUp()
    for (let host = 1; host <= 60; host++) fail(`2001:db8:1:2::${host.toString(16)}`, 1)
    expect(guard.allows('2001:0DB8:0001:0002:ffff:ffff:ffff:ffff')).toBe(false)
    expect(guard.allows('2001:db8:1:3::1')).toBe(true)
  })

  it('counts an IPv4 address the same in every notation', () => {
    const { guard, fail } = setUp()
    fail('::ffff:192.0.2.1', 30)
    fail('::ffff:c000:201', 30)
    expect(guard.allows('192.0.2.1')).toBe(false)
  })

  it('can be neither grown nor escaped by a flood of addresses, nor made to shut out others', () => {
    const { guard, fail } = setUp()
    fail('2001:db8:ffff:ffff::1', 60)
    for (let network = 0; network < 300_000; network++) {
      fail(`2001:db8:${(network >>> 16).toString(16)}:${(network & 0xffff).toString(16)}::1`, 1)
    }
    expect(guard.allows('2001:db8:ffff:ffff::1')).toBe(false)
    // One failure for each slot and a few: nobody who did nothing is anywhere near the limit.
    const others = Array.from({ length: 10_000 }, (_, index) => `198.51.${index >>> 8}.${index & 255}`)
    expect(others.filter((address) => !guard.allows(address))).toEqual([])
  })
})

describe('the network of an address', () => {
  const network = (address: string): string => {
    const bytes = new Uint8Array(networkBytes).fill(255)
    writeNetwork(address, bytes)
    return Buffer.from(bytes).toString('hex')
  }

  it.each([
    ['192.0.2.255', '04c00002ff00000000'],
    ['::ffff:192.0.2.255', '04c00002ff00000000'],
    ['::ffff:c000:2ff', '04c00002ff00000000'],
    ['0:0:0:0:0:ffff:192.0.2.255', '04c00002ff00000000'],
    ['2001:db8:1:2:3:4:5:6', '0620010db800010002'],
    ['2001:DB8:1:2::', '0620010db800010002'],
    ['2001:db8::6', '0620010db800000000'],
    ['::1', '060000000000000000'],
    ['::', '060000000000000000'],
    ['fe80::1%eth0', '06fe80000000000000'],
    ['1::2:3:4:5:6:7', '060001000000020003'],
    ['64:ff9b::192.0.2.1', '060064ff9b00000000'],
    ['not an address', '000000000000000000'],
    ['', '000000000000000000'],
  ])('%s → %s', (address, expected) => {
    expect(network(address)).toBe(expected)
  })
})
