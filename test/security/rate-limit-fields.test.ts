import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addRateLimitHeaders } from '../../src/policy/rate-limit.ts'
import { attemptOne, compose } from '../helpers/attempt-one.ts'
import { startWatched } from '../helpers/oracles.ts'
import { parseList } from '../helpers/structured-fields.ts'

describe('RateLimit and RateLimit-Policy are structured fields', () => {
  it('whatever the limits and their state', () => {
    const state = fc.record({
      limit: fc.stringMatching(/^[A-Za-z][A-Za-z0-9_.-]{0,62}$/),
      requests: fc.integer({ min: 1, max: 1_000_000_000 }),
      remaining: fc.integer({ min: 0, max: 1_000_000_000 }),
      windowMs: fc.integer({ min: 1, max: 31_536_000_000 }),
      resetMs: fc.integer({ min: 0, max: 31_536_000_000 }),
      exceeded: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(state, { minLength: 1, maxLength: 6 }), (states) => {
        const headers: string[] = []
        addRateLimitHeaders(states, headers)
        const [, policy = '', , limit = ''] = headers
        const figures = (text: string, keys: readonly string[]) =>
          parseList(text).map(({ value, parameters }) => {
            expect([...parameters.keys()]).toEqual(keys)
            return [value, ...[...parameters.values()].map((each) => [each.type, each.value])]
          })
        const integer = (value: number) => ['integer', value]
        expect(figures(policy, ['q', 'w'])).toEqual(
          states.map(({ limit: value, requests, windowMs }) => [
            { type: 'string', value },
            integer(requests),
            integer(Math.ceil(windowMs / 1000)),
          ]),
        )
        expect(figures(limit, ['r', 't'])).toEqual(
          states.map(({ limit: value, remaining, resetMs }) => [
            { type: 'string', value },
            integer(remaining),
            integer(Math.ceil(resetMs / 1000)),
          ]),
        )
      }),
    )
  })

  it('in every answer of a gateway, admitted or refused', async () => {
    await using watched = await startWatched("  - { path: /api/*, upstream: api, limits: [a, 'b-2_c'] }", {
      top: "limits: { a: { by: key, requests: 2, per: 1h }, 'b-2_c': { by: [ip, route], requests: 5, per: 90s } }",
    })
    for (const status of [200, 200, 429]) {
      const { answer } = await attemptOne(watched, compose('/api/x'))
      expect(answer.status).toBe(status)
      for (const name of ['ratelimit', 'ratelimit-policy']) {
        expect(parseList(answer.header(name) ?? '').map(({ value }) => value.value)).toEqual(['a', 'b-2_c'])
      }
    }
  })

  it.each(['"a', 'a"', '"a" "b"', '"a",', ',', '"a";q=1;', '"a";Q=1', '"\xe9"', '"a";q=1.', '"a";q=1234567890123456'])(
    'and the parser of this test refuses %j',
    (text) => {
      expect(() => parseList(text)).toThrow()
    },
  )
})
