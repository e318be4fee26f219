import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { promisify } from 'node:util'
import { beside } from './child.ts'
import { loadCore, type Machine, pinned } from './machine.ts'

export interface LoadTarget {
  readonly url: string
  readonly authorization: string
}

export interface LoadResult {
  /** Completed ones, whatever they were answered. */
  readonly requests: number
  readonly requestsPerSecond: number
  readonly p99Ms: number
  /** Sentences; empty when every request was answered, and with a status below 400. */
  readonly failures: readonly string[]
}

/** Keeps `connections` requests in flight for `seconds`, in a process of its own: wrk where there is one, else autocannon. */
export async function runLoad(
  target: LoadTarget,
  seconds: number,
  connections: number,
  machine: Machine,
): Promise<LoadResult> {
  const tool = machine.wrk ? wrk : autocannon
  const [command, args] = tool.command(target, seconds, connections)
  const [file, argv] = pinned(machine, loadCore, command, args)
  const { stdout } = await execute(file, argv, { timeout: (seconds + 30) * 1000, maxBuffer: 16 * 1024 ** 2 })
  const result = tool.read(stdout)
  if (result.requests === 0) return { ...result, failures: [...result.failures, 'no request was answered'] }
  return result
}

export const loadName = (machine: Machine): string => (machine.wrk ? 'wrk -t1' : 'autocannon')

const execute = promisify(execFile)

const wrk = {
  command: ({ url, authorization }: LoadTarget, seconds: number, connections: number): [string, string[]] => [
    'wrk',
    [
      ...['-t1', `-c${connections}`, `-d${seconds}s`, '-s', beside('./wrk-summary.lua')],
      ...['-H', `Authorization: ${authorization}`, url],
    ],
  ],
  read(output: string): LoadResult {
    const line = /^SUMMARY (.*)$/m.exec(output)?.[1]
    if (line === undefined) throw new Error(`wrk wrote no summary:\n${output}`)
    const summary: WrkSummary = JSON.parse(line)
    return {
      requests: summary.requests,
      requestsPerSecond: summary.requests / (summary.durationUs / 1_000_000),
      p99Ms: summary.p99Us / 1000,
      failures: failuresOf(summary.errors),
    }
  },
}

interface WrkSummary {
  readonly requests: number
  readonly durationUs: number
  readonly p99Us: number
  readonly errors: Readonly<Record<string, number>>
}

const autocannon = {
  command: ({ url, authorization }: LoadTarget, seconds: number, connections: number): [string, string[]] => [
    process.execPath,
    [
      createRequire(import.meta.url).resolve('autocannon/autocannon.js'),
      ...['-c', String(connections), '-d', String(seconds), '--json', '--no-progress'],
      ...['-H', `Authorization=${authorization}`, url],
    ],
  ],
  read(output: string): LoadResult {
    const summary: AutocannonSummary = JSON.parse(output)
    const other = Object.entries(summary.statusCodeStats).filter(([status]) => status !== '200')
    return {
      requests: summary.requests.total,
      requestsPerSecond: summary.requests.average,
      p99Ms: summary.latency.p99,
      failures: failuresOf({
        errors: summary.errors,
        timeouts: summary.timeouts,
        ...Object.fromEntries(other.map(([status, { count }]) => [`status ${status}`, count])),
      }),
    }
  },
}

interface AutocannonSummary {
  readonly requests: { readonly total: number; readonly average: number }
  readonly latency: { readonly p99: number }
  readonly errors: number
  readonly timeouts: number
  readonly statusCodeStats: Readonly<Record<string, { readonly count: number }>>
}

function failuresOf(counts: Readonly<Record<string, number>>): string[] {
  return Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([what, count]) => `the load saw ${count} × ${what}`)
}
