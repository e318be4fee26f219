import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { availableParallelism, cpus } from 'node:os'

/** What this machine has for measuring; each of these may be missing and the bench still works. */
export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly node: string
  readonly taskset: boolean
  readonly wrk: boolean
  readonly nginx: boolean
  /** Length of one tick of /proc/PID/stat in microseconds; undefined where there is no /proc. */
  readonly tickUs: number | undefined
}

/** The gateway has core 0 for itself; load and upstream share core 1. */
export const gatewayCore = 0
export const loadCore = 1

export function inspectMachine(): Machine {
  const cores = availableParallelism()
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores,
    node: process.version,
    taskset: cores > 1 && runs('taskset', ['-c', String(loadCore), 'true']),
    wrk: runs('wrk', ['--version'], 1),
    nginx: runs('nginx', ['-v']),
    tickUs: existsSync('/proc/self/stat') ? 1_000_000 / ticksPerSecond() : undefined,
  }
}

/** @returns command and arguments, pinned to a core where the machine can. */
export function pinned(machine: Machine, core: number, command: string, args: readonly string[]): [string, string[]] {
  return machine.taskset ? ['taskset', ['-c', String(core), command, ...args]] : [command, [...args]]
}

/** User and system time of a process with all its threads, in microseconds. @throws when the process is gone. */
const cpuUs = (pid: number, tickUs: number): number => timesOf(`/proc/${pid}/stat`).ticks * tickUs

/** The same for a process and all that it has started and that are there, and those that they have started. */
export const familyCpuUs = (pid: number, tickUs: number): number =>
  childrenOf(pid).reduce((sum, child) => sum + familyCpuUs(child, tickUs), cpuUs(pid, tickUs))

/** The same by thread: `main` and `store` of the process itself, `worker main` of those that it has started, and so on. */
export function threadsUs(pid: number, tickUs: number, prefix = ''): Map<string, number> {
  const sums = new Map<string, number>()
  const add = (name: string, us: number): void => void sums.set(name, (sums.get(name) ?? 0) + us)
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const { name, ticks } = timesOf(`/proc/${pid}/task/${thread}/stat`)
    add(`${prefix}${thread === String(pid) ? 'main' : name}`, ticks * tickUs)
  }
  for (const child of childrenOf(pid)) for (const [name, us] of threadsUs(child, tickUs, 'worker ')) add(name, us)
  return sums
}

const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)

function timesOf(file: string): { name: string; ticks: number } {
  const stat = readFileSync(file, 'utf8')
  // The second field is the name in parentheses and may hold spaces: count from behind it (utime 14th, stime 15th).
  const end = stat.lastIndexOf(')')
  const fields = stat.slice(end + 2).split(' ')
  return { name: stat.slice(stat.indexOf('(') + 1, end), ticks: Number(fields[11]) + Number(fields[12]) }
}

/** @returns a port of 127.0.0.1 that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port on 127.0.0.1')
  return address.port
}

function runs(command: string, args: readonly string[], status = 0): boolean {
  const result = spawnSync(command, args, { stdio: 'ignore', timeout: 5000 })
  return result.error === undefined && (result.status === 0 || result.status === status)
}

function ticksPerSecond(): number {
  const { stdout } = spawnSync('getconf', ['CLK_TCK'], { encoding: 'utf8' })
  return Number(stdout) || 100
}
