import { parseArgs } from 'node:util'
import { runKills } from './kill-run.ts'
import { runSoak } from './soak-run.ts'

/**
 * `npm run faults`: what `npm test` has no time for.
 *
 *     npm run faults                          # 200 processes killed at random moments
 *     npm run faults -- --kills 50
 *     npm run faults -- --soak --minutes 10   # steady load, and nothing that grows
 */
const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '200' },
    soak: { type: 'boolean', default: false },
    minutes: { type: 'string', default: '10' },
  },
})

function numberOf(option: 'kills' | 'minutes', least: number): number {
  const value = Number(values[option])
  if (value >= least) return value
  console.error(`--${option} takes a number from ${least}`)
  process.exit(2)
}

const well = values.soak ? await runSoak(numberOf('minutes', 1)) : await runKills(numberOf('kills', 5))
process.exitCode = well ? 0 : 1
