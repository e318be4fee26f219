import { loadavg } from 'node:os'
import type { Machine } from './machine.ts'
import { type Measured, measure } from './measure.ts'
import type { Options } from './options.ts'
import { subjects } from './subjects.ts'
import { type Spread, spread } from './summary.ts'
import type { Turn } from './turn.ts'

/**
 * One process beside two workers, turn by turn, in two ways: everything of the gateway on one core, where its CPU per request
 * counts; then nothing pinned, where requests per second count. In the second way load and upstream take part of the same
 * cores, so that what workers gain is less than where these have cores of their own. A round that is not counted goes first:
 * each process compiles its code for itself, and workers have less load each.
 */
export async function compareWorkers(options: Options, machine: Machine, stack: AsyncDisposableStack): Promise<void> {
  const chosen = subjects.filter(({ name }) => name === 'sallyport' || name === 'sallyport-workers')
  const pinned = await measureApart(chosen, options, machine, stack)
  const free = await measureApart(chosen, options, { ...machine, taskset: false }, stack)
  if (options.json) return void process.stdout.write(`${JSON.stringify({ machine, pinned, free }, byName, 2)}\n`)
  process.stdout.write(
    [
      `\nThe gateway on one core${machine.taskset ? '' : ' was not possible: nothing is pinned'}; ${pinned.load}`,
      table('µs of CPU per request', pinned.measured, ({ cpuUsPerRequest }) => cpuUsPerRequest),
      threadTable(pinned.measured),
      `Nothing pinned: gateway, load and upstream share ${machine.cores} cores; ${free.load}`,
      table('requests per second', free.measured, ({ requestsPerSecond }) => requestsPerSecond),
      table('µs of CPU per request', free.measured, ({ cpuUsPerRequest }) => cpuUsPerRequest),
    ].join('\n\n'),
  )
  process.stdout.write('\n')
}

interface Apart {
  readonly measured: readonly Measured[]
  /** The load averages of a minute before and after: other work on the machine shows in them. */
  readonly load: string
}

async function measureApart(
  chosen: Parameters<typeof measure>[0],
  options: Options,
  machine: Machine,
  outer: AsyncDisposableStack,
): Promise<Apart> {
  const before = loadNow()
  // Of its own, so that what is measured first is gone when the second starts; and of `outer`, for a signal in between.
  const stack = outer.use(new AsyncDisposableStack())
  const all = await measure(chosen, { ...options, rounds: options.rounds + 1 }, machine, stack)
  await stack.disposeAsync()
  const measured = all.map((one) => ({ ...one, turns: one.turns.slice(1) }))
  return { measured, load: `load average ${before} before, ${loadNow()} after` }
}

function table(title: string, [one, two]: readonly Measured[], figure: (turn: Turn) => number): string {
  if (one === undefined || two === undefined) return ''
  const ratios = two.turns.map((turn, round) => figure(turn) / figure(one.turns[round] ?? turn))
  return [
    `  ${title}: median (range)`,
    ...[one, two].map(({ name, turns }) => `    ${name.padEnd(18)}  ${text(spread(turns.map(figure)), 0)}`),
    `    ${'pair by pair'.padEnd(18)}  ${text(spread(ratios), 2)}`,
  ].join('\n')
}

function threadTable(measured: readonly Measured[]): string {
  const lines = measured.flatMap(({ name, turns }) => {
    const threads = new Set(turns.flatMap((turn) => [...turn.threads.keys()]))
    const spreads = [...threads].map((thread) => ({
      thread,
      us: spread(turns.map((turn) => turn.threads.get(thread) ?? 0)),
    }))
    return spreads
      .filter(({ us }) => us.median >= 0.1)
      .sort((a, b) => b.us.median - a.us.median)
      .map(({ thread, us }) => `    ${name.padEnd(18)}  ${thread.padEnd(24)}  ${text(us, 1)}`)
  })
  return ['  by thread', ...lines].join('\n')
}

const text = ({ median, least, most }: Spread, digits: number): string =>
  `${median.toFixed(digits)} (${least.toFixed(digits)}–${most.toFixed(digits)})`

const loadNow = (): string => (loadavg()[0] ?? Number.NaN).toFixed(1)

const byName = (_: string, value: unknown): unknown => (value instanceof Map ? Object.fromEntries(value) : value)
