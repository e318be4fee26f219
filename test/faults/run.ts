import { parseArgs } from 'node:util'
import { runKills } from './kill-run.ts'

/** `npm run faults`: what `npm test` has no time for. */
const { values } = parseArgs({ options: { kills: { type: 'string', default: '200' } } })
const kills = Number(values.kills)
if (!Number.isSafeInteger(kills) || kills < 5) {
  console.error('--kills takes a number from 5')
  process.exit(2)
}
process.exitCode = (await runKills(kills)) ? 0 : 1
