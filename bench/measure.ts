import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadName } from './load.ts'
import type { Machine } from './machine.ts'
import type { Options } from './options.ts'
import type { Running, Subject } from './subjects.ts'
import { type Turn, takeTurn } from './turn.ts'
import { startUpstream } from './upstream.ts'

export interface Measured {
  readonly name: string
  readonly about: string
  readonly turns: Turn[]
}

/** Starts all subjects, lets them take turns, and looks into their books. @throws on anything that went wrong in a run. */
export async function measure(
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
