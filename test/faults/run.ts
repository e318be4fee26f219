import { parseArgs } from 'node:util'
import { printTables } from '../nodes/tables.ts'
import { runKills } from './kill-run.ts'
import { runSoak } from './soak-run.ts'

/**
 * `npm run faults`: what `npm test` has no time for.
 *
 *     npm run faults                          # 200 processes killed at random moments
 *     npm run faults -- --kills 50
 *     npm run faults -- --soak --minutes 10   # steady load, and nothing that grows
 *     npm run faults -- --nodes               # 200 revocations and races for a limit over three nodes, as tables
 */
const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '200' },
    nodes: { type: 'boolean', default: false },
    revocations: { type: 'string', default: '200' },
    soak: { type: 'boolean', default: false },
    minutes: { type: 'string', default: '10' },
  },
})

function numberOf(option: 'kills' | 'minutes' | 'revocations', least: number): number {
  const value = Number(values[option])
  if (value >= least) return value
  console.error(`--${option} takes a number from ${least}`)
  process.exit(2)
}

async function run(): Promise<boolean> {
  if (values.soak) return runSoak(numberOf('minutes', 1))
  if (values.nodes) return printTables({ revocations: numberOf('revocations', 1), races: 3 })
  return runKills(numberOf('kills', 5))
}

process.exitCode = (await run()) ? 0 : 1
