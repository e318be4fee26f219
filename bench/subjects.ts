import { answers, beside, type Child, startChild } from './child.ts'
import type { LoadTarget } from './load.ts'
import { freePort, gatewayCore, type Machine } from './machine.ts'
import { startSallyport } from './sallyport.ts'
import { statusCounts } from './status-counts.ts'

/** What is measured: a gateway in a process of its own, in front of the bench's upstream. */
export interface Subject {
  readonly name: string
  readonly about: string
  start(world: World): Promise<Running>
}

export interface World {
  readonly machine: Machine
  readonly upstreamOrigin: string
  /** Temporary; gone after the run. */
  readonly folder: string
}

export interface Running extends AsyncDisposable {
  readonly target: LoadTarget
  cpuUs(): Promise<number>
  /** The same by thread; empty where the machine has no /proc. */
  threadsUs(): ReadonlyMap<string, number>
  readonly died: Promise<never>
  /** How many requests ended with which status since the start, by the subject's own count. */
  statuses(): Promise<ReadonlyMap<string, number>>
  /** Sentences about what the subject's own books say is wrong; empty when they agree with `served` answers. */
  audit(served: number): Promise<readonly string[]>
}

export const subjects: readonly Subject[] = [
  {
    name: 'node-http-undici',
    about: 'node:http + undici dispatch, bare proxy',
    start: (world) => startPeer(world, './peers/node-http-undici.ts'),
  },
  {
    name: 'fastify-http-proxy',
    about: '@fastify/http-proxy with the checks',
    start: (world) => startPeer(world, './peers/fastify-http-proxy.ts'),
  },
  { name: 'sallyport', about: 'Sallyport, with its request log', start: (world) => startSallyport(world) },
  {
    name: 'sallyport-workers',
    about: 'Sallyport with two workers, all its processes',
    start: (world) => startSallyport(world, { workers: 2 }),
  },
]

const peerKey = 'bench_key_that_opens_nothing_else'

async function startPeer({ machine, upstreamOrigin }: World, file: string): Promise<Running> {
  const [port, countsPort] = [await freePort(), await freePort()]
  const args = [beside(file), upstreamOrigin, String(port), String(countsPort), peerKey]
  // A gateway runs in production mode, and so do its peers: it changes what some libraries do per request.
  const env = { NODE_ENV: 'production' }
  const child: Child = startChild(process.execPath, args, { machine, core: gatewayCore, metered: true, env })
  const countsUrl = `http://127.0.0.1:${countsPort}/`
  await answers(countsUrl, child)
  return {
    target: { url: `http://127.0.0.1:${port}/things/1`, authorization: `Bearer ${peerKey}` },
    cpuUs: child.cpuUs,
    threadsUs: child.threadsUs,
    died: child.died,
    statuses: async () => statusCounts(await (await fetch(countsUrl)).text(), 'requests_total'),
    audit: async () => [],
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  }
}
