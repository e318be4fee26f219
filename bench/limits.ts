import { once } from 'node:events'
import { systemClock } from '../src/clock.ts'
import { createLeasingLimiter } from '../src/limiter/leasing.ts'
import type { Charge, Limiter } from '../src/limiter/limiter.ts'
import { createMemoryLimiter } from '../src/limiter/memory.ts'
import { createRedisLimiter } from '../src/limiter/redis.ts'
import { connectRedis } from '../src/redis/connect.ts'
import { startRedis } from '../test/helpers/redis.ts'
import { addressOf } from '../test/helpers/redis-limiter.ts'

/**
 * What a charge costs: CPU of this process and of Redis, and calls to Redis, for a node with 64 requests in flight.
 * Run with `node bench/limits.ts`. The cases take turns, five rounds each; medians, since the machine has other work.
 */
const rounds = 5
const chargesPerRound = 40_000
const inFlight = 64

const charge = (limit: string, bucket: string, lease: boolean, requests = 1_000_000_000): Charge => ({
  ...{ limit, bucket, requests, windowMs: 3_600_000, cost: 1, lease },
})

await using redis = await startRedis()
const address = addressOf(redis.url)
const connect = async (name: string) => {
  const client = connectRedis(address, { name, onError() {} })
  await once(client, 'ready')
  return client
}
const shared = createRedisLimiter({
  ...{ commands: await connect('limits'), subscriber: await connect('recalls'), prefix: address.prefix },
})
const leased = createLeasingLimiter({ authority: shared, plain: shared, clock: systemClock })
const memory = createMemoryLimiter({ clock: systemClock })

interface Case {
  readonly name: string
  readonly limiter: Limiter
  readonly charges: (index: number) => readonly Charge[]
  readonly refused?: boolean
}

const three = (lease: boolean, index: number) => ['a', 'b', 'c'].map((limit) => charge(limit, `k${index % 10}`, lease))
const cases: Case[] = [
  { name: 'memory, one limit, 10 keys', limiter: memory, charges: (i) => [charge('m', `k${i % 10}`, false)] },
  { name: 'Redis, one limit, 10 keys', limiter: leased, charges: (i) => [charge('r', `k${i % 10}`, false)] },
  { name: 'Redis, three limits, 10 keys', limiter: leased, charges: (i) => three(false, i) },
  { name: 'leased, one limit, 10 keys', limiter: leased, charges: (i) => [charge('l', `k${i % 10}`, true)] },
  { name: 'leased, one limit, 1000 keys', limiter: leased, charges: (i) => [charge('l', `k${i % 1000}`, true)] },
  { name: 'leased, three limits, 10 keys', limiter: leased, charges: (i) => three(true, i) },
  { name: 'Redis, refused', limiter: leased, charges: () => [charge('full', 'k', false, 1)], refused: true },
  { name: 'leased, refused', limiter: leased, charges: () => [charge('full-l', 'k', true, 1)], refused: true },
]

interface Figures {
  readonly nodeUs: number
  readonly redisUs: number
  readonly calls: number
}

async function run({ name, limiter, charges, refused = false }: Case): Promise<Figures> {
  const before = await redisFigures()
  const cpuBefore = process.cpuUsage()
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < chargesPerRound) {
      const answer = limiter.charge(charges(next++))
      const states = answer instanceof Promise ? await answer : answer
      if (states.some(({ exceeded }) => exceeded) !== refused) throw new Error(`${name}: a wrong answer`)
    }
  }
  await Promise.all(Array.from({ length: inFlight }, worker))
  const { user, system } = process.cpuUsage(cpuBefore)
  const after = await redisFigures()
  return {
    nodeUs: (user + system) / chargesPerRound,
    redisUs: (after.cpuUs - before.cpuUs) / chargesPerRound,
    calls: (after.calls - before.calls) / chargesPerRound,
  }
}

async function redisFigures(): Promise<{ cpuUs: number; calls: number }> {
  const info = `${await redis.client.info('cpu')}${await redis.client.info('commandstats')}`
  const number = (form: RegExp): number => Number(form.exec(info)?.[1] ?? 0)
  return {
    cpuUs: 1e6 * (number(/used_cpu_user:([\d.]+)/) + number(/used_cpu_sys:([\d.]+)/)),
    calls: number(/cmdstat_evalsha:calls=(\d+)/),
  }
}

const median = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

for (const limit of [charge('full', 'k', false, 1), charge('full-l', 'k', true, 1)]) await leased.charge([limit])
const all = new Map(cases.map(({ name }) => [name, [] as Figures[]]))
for (const one of cases) await run(one)
for (let round = 0; round < rounds; round++) for (const one of cases) all.get(one.name)?.push(await run(one))
process.stdout.write(
  `${'per charge'.padEnd(34) + 'gateway CPU'.padStart(12) + 'Redis CPU'.padStart(12) + 'calls'.padStart(10)}\n`,
)
for (const [name, figures] of all) {
  const [nodeUs, redisUs, calls] = (['nodeUs', 'redisUs', 'calls'] as const).map((key) =>
    median(figures.map((figure) => figure[key])),
  ) as [number, number, number]
  const row = [
    `${nodeUs.toFixed(2)} µs`.padStart(12),
    `${redisUs.toFixed(2)} µs`.padStart(12),
    calls.toFixed(4).padStart(10),
  ]
  process.stdout.write(`${name.padEnd(34)}${row.join('')}\n`)
}
await leased.close()
await memory.close()
