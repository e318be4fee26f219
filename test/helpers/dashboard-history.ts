import { uuidv7 } from '../../src/ids.ts'
import type { RequestRow } from '../../src/store/store.ts'

const dayMs = 86_400_000

/** Requests of the last 30 days, oldest first: more by day than by night, most of today, now and then a refusal. */
export function requestHistory(
  organizationId: string,
  keys: readonly { readonly id: string }[],
  count: number,
): RequestRow[] {
  const random = seeded()
  const now = Date.now()
  const times = Array.from({ length: count }, () => now - 5000 - timeAgo(random))
  return times
    .sort((one, other) => one - other)
    .map((at) => {
      const kind = kinds.find(({ share }) => random() < share) ?? passed
      const [route, path] = pick(routes, random)
      const key = pick(keys, random)
      const upstreamMs = kind.code === null ? Math.round(Math.exp(3 + 0.8 * gaussian(random)) * 100) / 100 : null
      return {
        ...{ id: uuidv7(Math.floor(at)), at: Math.floor(at), organizationId, keyId: key?.id ?? null, method: 'GET' },
        ...{ path, route, status: kind.status, code: kind.code, durationMs: (upstreamMs ?? 0) + 0.4, upstreamMs },
        ...{ bytesIn: 0, bytesOut: Math.floor(random() * 9000), ip: `203.0.113.${Math.floor(random() * 40)}` },
        ...{ userAgent: 'acme-cli/2.4', requestId: `req-${Math.floor(random() * 1e9)}`, shadowCode: null },
      }
    })
}

const passed = { share: 1, status: 200, code: null }
const kinds = [
  { share: 0.03, status: 403, code: 'INSUFFICIENT_SCOPE' },
  { share: 0.02, status: 429, code: 'RATE_LIMITED' },
  { share: 0.01, status: 401, code: 'INVALID_API_KEY' },
  { share: 0.006, status: 502, code: 'UPSTREAM_UNAVAILABLE' },
  passed,
] as const

const routes: readonly (readonly [string, string])[] = [
  ['/api/v1/projects/*', '/api/v1/projects'],
  ['/api/v1/projects/*', '/api/v1/projects/42'],
  ['/v0/*', '/v0/projects'],
]

/** Half of it within a day, in waves. */
function timeAgo(random: () => number): number {
  for (;;) {
    const ago = random() < 0.5 ? random() * dayMs : random() * 30 * dayMs
    const hour = ((Date.now() - ago) % dayMs) / 3_600_000
    if (random() < 0.35 + 0.65 * Math.sin((hour / 24) * Math.PI) ** 2) return ago
  }
}

function pick<Item>(from: readonly Item[], random: () => number): Item {
  const item = from[Math.floor(random() * from.length)]
  if (item === undefined) throw new Error('nothing to pick from')
  return item
}

/** Park and Miller's generator: a picture can be made again. */
function seeded(): () => number {
  let state = 20_260_115
  return () => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
}

const gaussian = (random: () => number): number =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
