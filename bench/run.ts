import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadName } from './load.ts'
import { inspectMachine, type Machine } from './machine.ts'
import { type Options, parseOptions, UsageError, usage } from './options.ts'
import { runScenario } from './scenarios/index.ts'
import { type Running, type Subject, subjects } from './subjects.ts'
import { picture, summarize } from './summary.ts'
import { type Turn, takeTurn } from './turn.ts'
import { startUpstream } from './upstream.ts'

/** The bench's command line; `usage` in options.ts says what it does. Exit codes: 0, 1 (a run that went wrong), 2 (usage). */
async function main(args: readonly string[]): Promise<void> {
  const options = parseOptions(
    args,
    subjects.map(({ name }) => name),
  )
  if (options.help) return void process.stdout.write(usage)
  if (options.scenario !== undefined) return runScenario(options.scenario, options.json)

  const machine = inspectMachine()
  const chosen = options.subjects.flatMap((name) => subjects.filter((subject) => subject.name === name))
  await using stack = new AsyncDisposableStack()
  // Disposing takes the children along; a second signal ends the bench at once.
  const stopped = new Promise<never>((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => reject(new Error(`got ${signal}`)))
  })
  const measured = await Promise.race([measure(chosen, options, machine, stack), stopped])
  const summaries = summarize(measured)
  if (options.json) return void process.stdout.write(`${JSON.stringify({ machine, summaries, measured }, null, 2)}\n`)
  process.stdout.write(`\n${picture(summaries)}`)
}

interface Measured {
  readonly name: string
  readonly about: string
  readonly turns: Turn[]
}

async function measure(
  chosen: readonly Subject[],
  options: Options,
  machine: Machine,
  stack: AsyncDisposableStack,
): Promise<Measured[]> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-bench-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const upstream = stack.use(await startUpstream(machine, folder))
  progress(describe(machine, options, upstream.kind))

  const started: (Measured & { running: Running })[] = []
  for (const { name, about, start } of chosen) {
    const running = stack.use(await start({ machine, upstreamOrigin: upstream.origin, folder }))
    started.push({ name, about, turns: [], running })
  }
  for (let round = 1; round <= options.rounds; round++) {
    // Forth and back: nobody always comes after the same neighbour.
    const order = round % 2 === 1 ? started : started.toReversed()
    for (const { name, turns, running } of order) {
      const turn = await takeTurn(running, options, machine).catch((error: unknown) => fail(name, error))
      turns.push(turn)
      progress(`round ${round} of ${options.rounds}  ${name}  ${turn.cpuUsPerRequest.toFixed(1)} µs`)
    }
  }
  for (const { name, turns, running } of started) {
    const complaints = await running.audit(turns.reduce((sum, { served }) => sum + served, 0))
    if (complaints.length > 0) fail(name, new Error(complaints.join('; ')))
  }
  return started.map(({ name, about, turns }) => ({ name, about, turns }))
}

function fail(name: string, error: unknown): never {
  throw new Error(`${name}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
}

function describe(machine: Machine, options: Options, upstreamKind: string): string {
  const pinning = machine.taskset ? 'gateway on core 0, load and upstream on core 1' : 'not pinned to cores'
  return [
    `${machine.cpu}, ${machine.cores} cores, Node.js ${machine.node}; ${pinning}`,
    `${loadName(machine)} with ${options.connections} connections; upstream ${upstreamKind}, 114 bytes of JSON`,
    `${options.rounds} rounds of ${options.seconds} s after ${options.warmUpSeconds} s of warm-up`,
  ].join('\n')
}

const progress = (text: string): boolean => process.stderr.write(`${text}\n`)

try {
  await main(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = error instanceof UsageError ? 2 : 1
}
