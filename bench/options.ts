import { parseArgs } from 'node:util'

export interface Options {
  readonly rounds: number
  /** Counted seconds of each turn; a warm-up of a third of it, at least one second, goes before. */
  readonly seconds: number
  readonly warmUpSeconds: number
  readonly connections: number
  readonly subjects: readonly string[]
  /** One of bench/scenarios instead of the side by side run. */
  readonly scenario: string | undefined
  /** One process beside two workers instead, in both ways. */
  readonly workers: boolean
  readonly json: boolean
  readonly help: boolean
}

export const usage = `Usage: npm run bench -- [options]

Measures the gateway's CPU time per request beside its peers, in one run on the same cores.

  --rounds N         turns that each subject takes (5)
  --seconds N        counted seconds of each turn (6)
  --connections N    connections that the load keeps open (64)
  --subjects A,B     which ones, the first is the yardstick (all)
  --scenario NAME    one small bench of a part instead: see bench/scenarios
  --workers          one process beside two workers instead: CPU per request on one core, then requests/s on all cores
  --json             the result as JSON on standard output, progress on standard error
  --help

Examples
  npm run bench
  npm run bench -- --rounds 3 --seconds 3 --subjects node-http-undici,sallyport
  npm run bench -- --scenario limiter
  npm run bench -- --workers --rounds 7 --seconds 10
`

/**
 * @param known the names that --subjects may hold; all of them when it is left out.
 * @throws {UsageError} naming the option and what it takes.
 */
export function parseOptions(args: readonly string[], known: readonly string[]): Options {
  const { values } = read(args)
  const seconds = whole('seconds', values.seconds, 1, 600)
  const subjects = values.subjects?.split(',').map((name) => name.trim()) ?? known
  for (const name of subjects) {
    if (!known.includes(name)) throw new UsageError(`--subjects: there is no "${name}"; there are ${known.join(', ')}`)
  }
  return {
    rounds: whole('rounds', values.rounds, 1, 100),
    seconds,
    warmUpSeconds: Math.max(1, Math.round(seconds / 3)),
    connections: whole('connections', values.connections, 1, 1000),
    subjects: [...new Set(subjects)],
    scenario: values.scenario,
    workers: values.workers,
    json: values.json,
    help: values.help,
  }
}

export class UsageError extends Error {
  override readonly name = 'UsageError'
}

function read(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        rounds: { type: 'string', default: '5' },
        seconds: { type: 'string', default: '6' },
        connections: { type: 'string', default: '64' },
        subjects: { type: 'string' },
        scenario: { type: 'string' },
        workers: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    })
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

function whole(name: string, text: string, least: number, most: number): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= least && value <= most) return value
  throw new UsageError(`--${name}: "${text}" is not a whole number from ${least} to ${most}`)
}
