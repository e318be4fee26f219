import { expect, it } from 'vitest'
import { attemptsPerRound, fuzz } from './fuzz.ts'

it('no request, well-formed or mutated, gets past the oracles', async () => {
  const seed = Math.floor(Math.random() * 2 ** 30)
  const { failure, verdicts } = await fuzz({ seed, goesOn: (round) => (round + 1) * attemptsPerRound < 1000 })
  if (failure) {
    const { round, attempt, error } = failure
    expect.fail(`npm run fuzz -- --seed ${seed} --round ${round}\n${error.message}\n${JSON.stringify(attempt)}`)
  }
  for (const status of ['200', '400', '401', '404']) expect(verdicts.get(status)).toBeGreaterThan(0)
}, 60_000)
