import { type LoadResult, runLoad } from './load.ts'
import type { Machine } from './machine.ts'
import type { Options } from './options.ts'
import type { Running } from './subjects.ts'

/** What one subject cost in one round. */
export interface Turn {
  readonly cpuUsPerRequest: number
  readonly requestsPerSecond: number
  readonly p99Ms: number
  /** Microseconds per request of each thread; empty where the machine has no /proc. */
  readonly threads: ReadonlyMap<string, number>
  /** Answers in the counted window and the warm-up before it. */
  readonly served: number
}

/**
 * One subject's turn: a warm-up, then load with its CPU time read before and after.
 * @throws when any request was not answered 200, by the load's word or by the subject's own count.
 */
export async function takeTurn(running: Running, options: Options, machine: Machine): Promise<Turn> {
  const before = await running.statuses()
  const warmUp = await load(running, options.warmUpSeconds, options, machine)
  const cpuBefore = await running.cpuUs()
  const threadsBefore = running.threadsUs()
  const counted = await load(running, options.seconds, options, machine)
  const cpuUs = (await running.cpuUs()) - cpuBefore
  const threads = new Map(
    [...running.threadsUs()].map(([name, us]) => [name, (us - (threadsBefore.get(name) ?? 0)) / counted.requests]),
  )
  const served = warmUp.requests + counted.requests
  // wrk leaves in the middle of what is in flight, at the end of the warm-up and at the end of the window.
  await checkStatuses(running, before, served, options.connections * 2)
  return {
    cpuUsPerRequest: cpuUs / counted.requests,
    requestsPerSecond: counted.requestsPerSecond,
    p99Ms: counted.p99Ms,
    threads,
    served,
  }
}

async function load(running: Running, seconds: number, options: Options, machine: Machine): Promise<LoadResult> {
  const result = await Promise.race([runLoad(running.target, seconds, options.connections, machine), running.died])
  if (result.failures.length > 0) throw new Error(result.failures.join('; '))
  return result
}

/** The subject's own count must tell the same story as the load's; aborted requests may be missing or have no status. */
async function checkStatuses(
  running: Running,
  before: ReadonlyMap<string, number>,
  served: number,
  abortedMax: number,
): Promise<void> {
  const until = performance.now() + 5000
  let complaint = ''
  do {
    const after = await running.statuses()
    const grown = (status: string) => (after.get(status) ?? 0) - (before.get(status) ?? 0)
    const wrong = [...after.keys()].filter((status) => status !== '200' && status !== '0' && grown(status) > 0)
    if (wrong.length > 0)
      throw new Error(`its own count has ${wrong.map((s) => `${grown(s)} × status ${s}`).join(', ')}`)
    const ok = grown('200')
    complaint = `the load saw ${served} answers, its own count has ${ok} × 200 and ${grown('0')} aborted`
    if (ok >= served && ok + grown('0') <= served + abortedMax) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  } while (performance.now() < until)
  throw new Error(complaint)
}
