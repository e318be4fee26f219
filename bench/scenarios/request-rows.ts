import { uuidv7 } from '../../src/ids.ts'
import type { RequestRow } from '../../src/store/store.ts'

export interface Population {
  readonly organizations: number
  readonly keys: number
  readonly routes: number
}

/** Rows of requests with keys drawn by chance; the same every time. A key belongs to one organization. */
export function requestRows({ organizations, keys, routes }: Population): (at: number) => RequestRow {
  const random = seeded()
  const pick = (count: number): number => Math.floor(random() * count)
  return (at) => {
    const key = pick(keys)
    const kind = random()
    const refused = kind < 0.05 ? 'INSUFFICIENT_SCOPE' : kind < 0.08 ? 'RATE_LIMITED' : null
    const status = refused === null ? (kind > 0.99 ? 502 : 200) : refused === 'RATE_LIMITED' ? 429 : 403
    const route = pick(routes)
    return {
      id: uuidv7(at),
      at,
      organizationId: `org_${String(key % organizations).padStart(26, '0')}`,
      keyId: `key_${String(key).padStart(26, '0')}`,
      method: 'GET',
      path: `/api/v1/resource-${route}/${pick(1_000_000)}`,
      route: `/api/v1/resource-${route}/:id`,
      status,
      code: refused,
      // Most take some milliseconds, a few take seconds.
      durationMs: Math.round(Math.exp(2 + 1.2 * gaussian(random)) * 1000) / 1000,
      upstreamMs: refused === null ? 5.25 : null,
      bytesIn: pick(2000),
      bytesOut: pick(20_000),
      ip: '203.0.113.7',
      userAgent: 'curl/8.4',
      requestId: 'req-1',
      shadowCode: null,
    }
  }
}

/** Park and Miller's generator: a run can be repeated. */
function seeded(): () => number {
  let state = 20_260_115
  return () => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
}

const gaussian = (random: () => number): number =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
