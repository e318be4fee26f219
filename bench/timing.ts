import { startGateway, testActor } from '../test/helpers/gateway.ts'
import { connectRaw } from '../test/helpers/raw-client.ts'
import { startRawUpstream } from '../test/helpers/raw-upstream.ts'

/**
 * Does the time of a refusal tell whether a key is known, or a path? Pairs that a caller must not be able to tell apart take
 * turns in random order on one connection; printed are the difference of their medians and its 95 % interval (bootstrap).
 *
 * Run with `node bench/timing.ts [samples]`. An interval that holds 0 is what one wants to see; a difference far below the
 * noise of a network is what one can live with.
 */
const samples = Number(process.argv[2] ?? 4000)

await using upstream = await startRawUpstream()
await using gateway = await startGateway(`
auth_failures: { requests: 1000000000, per: 1m }
denials: { requests: 1000000000, per: 1m }
upstreams: { api: { targets: ['${upstream.url}'] } }
routes:
  - { path: /api/*, upstream: api }
  - { path: /denied/*, deny: true }
`)
const revoked = await gateway.createKey()
await gateway.store.revokeKey(gateway.organization.id, revoked.record.id, null, testActor)
const expired = await gateway.createKey({ expiresAt: Date.now() - 1000 })
const unknown = gateway.unknownKey()
const wrongChecksum = `${unknown.slice(0, -1)}${unknown.endsWith('0') ? '1' : '0'}`
const live = (await gateway.createKey()).raw
const nearlyLive = `${live.slice(0, 20)}${live[20] === 'a' ? 'b' : 'a'}${live.slice(21)}`

/** Each side makes the request anew, for what must be another one each time. */
const pairs: readonly (readonly [name: string, one: () => Buffer, other: () => Buffer])[] = [
  ['revoked key − the same unknown key', get('/api/x', () => revoked.raw), get('/api/x', () => unknown)],
  ['expired key − the same unknown key', get('/api/x', () => expired.raw), get('/api/x', () => unknown)],
  ['revoked key − unknown keys', get('/api/x', () => revoked.raw), get('/api/x', gateway.unknownKey)],
  [
    'unknown: all but one letter of a live key − no letter',
    get('/api/x', () => nearlyLive),
    get('/api/x', () => wrongChecksum),
  ],
  ['no key: known path − unknown path', get('/api/x'), get('/nowhere/x')],
  ['no key: denied path − unknown path', get('/denied/x'), get('/nowhere/x')],
  ['unknown key: known path − unknown path', get('/api/x', () => unknown), get('/nowhere/x', () => unknown)],
]

console.log(`${samples} samples of each side, microseconds`)
for (const [name, one, other] of pairs) {
  const [first, second] = await measure(one, other)
  const difference = median(first) - median(second)
  const [least, most] = interval(first, second)
  console.log(
    `${name.padEnd(56)} medians ${us(median(first))} ${us(median(second))}  difference ${us(difference)} (${us(least)} to ${us(most)})${least <= 0 && most >= 0 ? '' : '  *'}`,
  )
}

function get(path: string, key?: () => string): () => Buffer {
  return () => gateway.compose('GET', path, key && { key: key() })
}

async function measure(one: () => Buffer, other: () => Buffer): Promise<[number[], number[]]> {
  using client = await connectRaw(gateway.dataUrl)
  const times: [number[], number[]] = [[], []]
  const time = async (bytes: Buffer): Promise<number> => {
    const from = process.hrtime.bigint()
    await client.send(bytes)
    const { status } = await client.response()
    if (status !== 401) throw new Error(`answered ${status}`)
    return Number(process.hrtime.bigint() - from)
  }
  for (let warm = 0; warm < 200; warm++) await time(warm % 2 ? one() : other())
  for (let sample = 0; sample < samples; sample++) {
    const sides = Math.random() < 0.5 ? ([0, 1] as const) : ([1, 0] as const)
    for (const side of sides) times[side].push(await time(side === 0 ? one() : other()))
  }
  return times
}

/** Of the difference of medians, by drawing both sides anew 1000 times. */
function interval(one: readonly number[], other: readonly number[]): [least: number, most: number] {
  const drawn = Array.from({ length: 1000 }, () => median(redraw(one)) - median(redraw(other))).sort((a, b) => a - b)
  return [drawn[25] ?? Number.NaN, drawn[974] ?? Number.NaN]
}

function redraw(values: readonly number[]): number[] {
  return values.map(() => values[Math.floor(Math.random() * values.length)] ?? Number.NaN)
}

function median(values: readonly number[]): number {
  return Float64Array.from(values).sort()[values.length >> 1] ?? Number.NaN
}

function us(nanoseconds: number): string {
  return (nanoseconds / 1000).toFixed(1).padStart(7)
}
