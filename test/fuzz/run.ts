import { parseArgs } from 'node:util'
import { attemptsPerRound, type FuzzResult, fuzz } from './fuzz.ts'

/**
 * `npm run fuzz`: requests, well-formed and mutated, through a gateway to a recording upstream, under the oracles.
 *
 *     npm run fuzz -- --minutes 10              # with a seed that is printed
 *     npm run fuzz -- --seed 7 --round 123      # one round again
 */
const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 30)) },
    round: { type: 'string' },
  },
})

const number = (name: 'minutes' | 'seed' | 'round'): number => {
  const value = Number(values[name])
  if (Number.isFinite(value) && value >= 0) return value
  console.error(`--${name} takes a number from 0`)
  process.exit(2)
}

const seed = number('seed')
const only = values.round === undefined ? undefined : number('round')
const startedAt = performance.now()
const endsAt = startedAt + (only === undefined ? number('minutes') * 60_000 : 0)
let toldAt = startedAt
console.log(`seed ${seed}`)

const result = await fuzz({
  seed,
  ...(only !== undefined && { from: only }),
  goesOn: () => performance.now() < endsAt,
  onRound(round, { verdicts }) {
    if (performance.now() - toldAt < 10_000) return
    toldAt = performance.now()
    tell((round + 1) * attemptsPerRound, verdicts)
  },
})
tell(result.attempts, result.verdicts)
for (const attempt of result.unanswered) console.log(`without an answer: ${attempt}`)
if (result.failure) {
  const { round, attempt, error } = result.failure
  console.error(`failed: ${error.message.slice(0, 8000)}`)
  console.error(attempt ? `alone it is ${JSON.stringify(attempt)}` : 'no single attempt of the round fails alone')
  console.error(`again: npm run fuzz -- --seed ${seed} --round ${round}`)
  process.exitCode = 1
}

function tell(count: number, verdicts: FuzzResult['verdicts']): void {
  const seconds = (performance.now() - startedAt) / 1000
  const list = [...verdicts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([verdict, times]) => `${verdict}: ${times}`)
  console.log(
    `${seconds.toFixed(0)} s, ${count} attempts, ${(count / seconds).toFixed(0)}/s, answers ${list.join(', ')}`,
  )
}
