import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { packRequests, unpackRequests } from '../../src/store/packed-requests.ts'
import { requestRow } from '../helpers/request-row.ts'

describe('packed requests', () => {
  it('are the same rows in the same order', () => {
    const text = fc.string({ unit: 'binary', maxLength: 20 })
    // Few of them, so that they repeat: the same text in several members, and an empty one beside none.
    const common = fc.constantFrom('', 'null', 'GET', '/a/ü', '\ud800', 'x'.repeat(5000))
    const none = fc.constant(null)
    const number = fc.double({ noNaN: true })
    const row = fc
      .record({
        id: text,
        at: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
        organizationId: fc.oneof(common, text, none),
        keyId: fc.oneof(common, none),
        method: common,
        path: fc.oneof(common, text),
        route: fc.oneof(common, none),
        status: fc.integer({ min: 0, max: 599 }),
        code: fc.oneof(common, none),
        durationMs: number,
        upstreamMs: fc.oneof(number, none),
        bytesIn: fc.maxSafeNat(),
        bytesOut: fc.maxSafeNat(),
        ip: common,
        userAgent: fc.oneof(text, none),
        requestId: text,
        shadowCode: fc.oneof(common, none),
      })
      .map(requestRow)
    fc.assert(
      fc.property(fc.array(row, { maxLength: 30 }), (rows) => {
        expect(unpackRequests(packRequests(rows))).toEqual(rows)
      }),
    )
  })

  it('hold a text that all rows share once', () => {
    const pack = (count: number) =>
      packRequests(Array.from({ length: count }, () => requestRow({ path: 'x'.repeat(5000) })))
    expect(pack(100).length - pack(1).length).toBeLessThan(99 * 200)
  })

  it('are read also where they lie in the middle of other bytes', () => {
    const rows = [requestRow({ upstreamMs: null }), requestRow()]
    const packed = packRequests(rows)
    const larger = new Uint8Array(packed.length + 10)
    larger.set(packed, 3)
    expect(unpackRequests(larger.subarray(3, 3 + packed.length))).toEqual(rows)
  })
})
