import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  type Cluster,
  type ClusterKey,
  type ClusterNode,
  makeKey,
  makeOrganization,
  startCluster,
} from '../helpers/cluster.ts'
import { eventually } from '../helpers/eventually.ts'

export interface SoakOptions {
  readonly minutes: number
  readonly keys?: number
  /** Told of what happens, line by line. */
  readonly progress: (line: string) => void
}

export interface SoakReport {
  readonly requests: number
  readonly perSecond: number
  readonly statuses: Readonly<Record<number, number>>
  /** Answers that nothing explains, the first of them. */
  readonly unexplained: readonly string[]
  /** Errors that the nodes have logged, the first of them: on a crowded machine a store can be slow for a moment. */
  readonly complaints: readonly string[]
  readonly rotations: number
  readonly revocations: number
  readonly reloads: number
  readonly events: { readonly valid: boolean; readonly checked: number }
  readonly processes: readonly ProcessReport[]
}

/** Of the first and of the last third after the warm-up. */
interface ProcessReport {
  readonly name: string
  /** What its main thread uses when all garbage has been collected: the least of some collections in that third. */
  readonly firstUsedMb: number
  readonly lastUsedMb: number
  /** Resident memory of the process at its highest, garbage of all threads included. */
  readonly firstPeakMb: number
  readonly lastPeakMb: number
  readonly firstFiles: number
  readonly lastFiles: number
}

/**
 * Two nodes, one of them with two workers, under steady load with many keys, while keys are rotated and revoked and files
 * are read again. A request is explained by 200 with a key that was good all the while, by 401 with one that was not, and
 * by either with one that changed under it.
 */
export async function soak({ minutes, keys: count = 1000, progress }: SoakOptions): Promise<SoakReport> {
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-soak-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const preload = fileURLToPath(new URL('collect-garbage.ts', import.meta.url))
  const env = { SOAK_MEMORY: folder, NODE_OPTIONS: `--import=${preload}` }
  const cluster = stack.use(await startCluster({ env }))
  const nodes = [await cluster.start({ settings: 'workers: 2\n' }), await cluster.start()]
  const traffic = new Traffic(nodes)
  for (const organization of await makeOrganizations(cluster.node(0), 10)) {
    const batch = Array.from({ length: Math.ceil(count / 10) }, () => makeKey(cluster.node(0), organization))
    for (const key of await Promise.all(batch)) traffic.add(key)
  }
  progress(`${traffic.size} keys made`)

  const startedAt = performance.now()
  const endsAt = startedAt + minutes * 60_000
  const goesOn = () => performance.now() < endsAt
  const samples: Sample[] = []
  const done = { reloads: 0, rotations: 0, revocations: 0 }
  const watch = async (): Promise<void> => {
    for (let next = startedAt, count = 1; goesOn(); next += sampleEveryMs, count++) {
      await pause(next - performance.now())
      const collects = count % collectEvery === 0
      const now = await sampleAll(nodes, collects ? folder : undefined)
      samples.push(...now.map((sample) => ({ ...sample, at: performance.now() - startedAt })))
      const shown = now.map(
        ({ name, mb, usedMb, files }) =>
          `${name} ${mb.toFixed(0)} MB${usedMb === undefined ? '' : ` (${usedMb.toFixed(1)} used)`} ${files} files`,
      )
      progress(
        `${Math.round((performance.now() - startedAt) / 1000)} s, ${traffic.requests} requests: ${shown.join(', ')}`,
      )
    }
  }
  const reload = async (): Promise<void> => {
    while (goesOn()) {
      await pause(5000)
      done.reloads++
      await Promise.all(nodes.map((node) => node.addLine(`body_limit: ${100 + (done.reloads % 2)}mb`)))
    }
  }
  const change = async (): Promise<void> => {
    while (goesOn()) {
      await pause(100)
      if (Math.random() < 0.5) {
        await traffic.rotate()
        done.rotations++
      } else {
        await traffic.revoke()
        done.revocations++
      }
    }
  }
  await Promise.all([watch(), reload(), change(), ...Array.from({ length: callers }, () => traffic.call(goesOn))])
  const { body } = await cluster.node(1).api<SoakReport['events']>('GET', '/events/verify')
  return {
    requests: traffic.requests,
    perSecond: Math.round(traffic.requests / ((performance.now() - startedAt) / 1000)),
    statuses: Object.fromEntries(traffic.statuses),
    unexplained: traffic.unexplained,
    complaints: complaintsOf(cluster),
    ...done,
    events: { valid: body.valid, checked: body.checked },
    processes: summarize(samples, minutes * 60_000),
  }
}

/** A secret, since when it is good, and since when it is not. */
interface Secret {
  readonly key: ClusterKey
  raw: string
  /** A change of it is on its way. */
  changing: boolean
  /** How many changes there have been. */
  version: number
}

class Traffic {
  readonly statuses = new Map<number, number>()
  readonly unexplained: string[] = []
  requests = 0
  readonly #nodes: readonly ClusterNode[]
  readonly #live: Secret[] = []
  /** Secrets that are good no more, the youngest last, with when all nodes must know. */
  readonly #dead: { raw: string; knownAt: number }[] = []

  constructor(nodes: readonly ClusterNode[]) {
    this.#nodes = nodes
  }

  get size(): number {
    return this.#live.length
  }

  add(key: ClusterKey): void {
    this.#live.push({ key, raw: key.raw, changing: false, version: 0 })
  }

  async call(goesOn: () => boolean): Promise<void> {
    while (goesOn()) {
      await pause(Math.random() * 20)
      const node = anyOf(this.#nodes)
      const dead = Math.random() < 0.05 ? this.#dead.at(-1 - Math.floor(Math.random() * 20)) : undefined
      if (dead !== undefined && performance.now() > dead.knownAt) {
        this.#note(await node.ask('/free', dead.raw), [401], 'a key that had been taken away')
        continue
      }
      const secret = anyOf(this.#live)
      const { raw, version } = secret
      const wasChanging = secret.changing
      const status = await node.ask('/free', raw)
      const changed = wasChanging || secret.changing || secret.version !== version
      this.#note(status, changed ? [200, 401] : [200], 'a key that was good all the while')
    }
  }

  async rotate(): Promise<void> {
    const secret = this.#begin()
    const { organizationId, id } = secret.key
    const path = `/organizations/${organizationId}/api-keys/${id}/rotate`
    const { status, body } = await anyOf(this.#nodes).api<{ raw_key: string }>('POST', path, {})
    if (status !== 200) throw new Error(`a rotation was answered ${status}`)
    this.#bury(secret.raw)
    secret.raw = body.raw_key
    secret.version++
    secret.changing = false
  }

  /** And has another key in its place. */
  async revoke(): Promise<void> {
    const secret = this.#begin()
    const { organizationId, id } = secret.key
    const path = `/organizations/${organizationId}/api-keys/${id}/revoke`
    const { status } = await anyOf(this.#nodes).api('POST', path, {})
    if (status !== 200) throw new Error(`a revocation was answered ${status}`)
    this.#bury(secret.raw)
    this.#live.splice(this.#live.indexOf(secret), 1)
    this.add(await makeKey(anyOf(this.#nodes), organizationId))
  }

  #begin(): Secret {
    const secret = anyOf(this.#live)
    secret.changing = true
    return secret
  }

  #bury(raw: string): void {
    this.#dead.push({ raw, knownAt: performance.now() + 250 })
    if (this.#dead.length > 100) this.#dead.shift()
  }

  #note(status: number, explained: readonly number[], what: string): void {
    this.requests++
    this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1)
    if (!explained.includes(status) && this.unexplained.length < 100) this.unexplained.push(`${status} for ${what}`)
  }
}

interface Sample {
  readonly name: string
  readonly mb: number
  /** After a collection; undefined where there was none. */
  readonly usedMb: number | undefined
  readonly files: number
  readonly at?: number
}

/** @param collectIn where the processes tell of a collection; undefined for none. */
async function sampleAll(nodes: readonly ClusterNode[], collectIn: string | undefined): Promise<Sample[]> {
  const found = await Promise.all(
    nodes.map(async ({ child }, index) => {
      const pids = [child.pid ?? 0, ...(await childrenOf(child.pid ?? 0))]
      return Promise.all(
        pids.map((pid, at) => sample(pid, `node ${index + 1}${at === 0 ? '' : ` worker ${at}`}`, collectIn)),
      )
    }),
  )
  return found.flat()
}

async function sample(pid: number, name: string, collectIn: string | undefined): Promise<Sample> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  const kb = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1])
  const files = (await readdir(`/proc/${pid}/fd`)).length
  const usedMb = collectIn === undefined ? undefined : await collectGarbage(pid, join(collectIn, `${pid}.json`))
  return { name, mb: kb / 1024, files, usedMb }
}

/** See collect-garbage.ts. @returns MB that are used after it. */
async function collectGarbage(pid: number, file: string): Promise<number> {
  const read = async (): Promise<{ count: number; usedMb: number }> =>
    JSON.parse(await readFile(file, 'utf8').catch(() => '{"count":0,"usedMb":0}'))
  const { count: before } = await read()
  process.kill(pid, 'SIGWINCH')
  const { usedMb } = await eventually(
    `process ${pid} to collect its garbage`,
    async () => {
      const told = await read()
      return told.count > before && told
    },
    { withinMs: 10_000, everyMs: 50 },
  )
  return usedMb
}

async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')
  return text.trim().split(/\s+/).filter(Boolean).map(Number)
}

function summarize(samples: readonly Sample[], lengthMs: number): ProcessReport[] {
  // Caches and code are filled in the first part of it.
  const warmMs = lengthMs / 4
  const thirdMs = (lengthMs - warmMs) / 3
  return [...new Set(samples.map(({ name }) => name))].map((name) => {
    const own = samples.filter((one) => one.name === name)
    const first = own.filter(({ at = 0 }) => at >= warmMs && at < warmMs + thirdMs)
    const last = own.filter(({ at = 0 }) => at >= lengthMs - thirdMs)
    const usedMb = (some: readonly Sample[]) => round(Math.min(...some.flatMap(({ usedMb: used }) => used ?? [])))
    const peakMb = (some: readonly Sample[]) => round(Math.max(...some.map(({ mb }) => mb)))
    const most = (some: readonly Sample[]) => Math.max(...some.map(({ files }) => files))
    return {
      name,
      ...{ firstUsedMb: usedMb(first), lastUsedMb: usedMb(last) },
      ...{ firstPeakMb: peakMb(first), lastPeakMb: peakMb(last) },
      ...{ firstFiles: most(first), lastFiles: most(last) },
    }
  })
}

/**
 * What is used may grow a little where tables and code are still being filled. The peak is of the garbage collector's making,
 * which takes what a quiet moment lets it: it may not run away. Files may not grow at all.
 */
export const isFlat = (report: ProcessReport): boolean =>
  report.lastUsedMb <= report.firstUsedMb * 1.1 + 3 &&
  report.lastPeakMb <= report.firstPeakMb * 1.25 + 10 &&
  report.lastFiles <= report.firstFiles + 5

const round = (mb: number): number => Math.round(mb * 10) / 10

const complaintsOf = ({ nodes }: Pick<Cluster, 'nodes'>): string[] =>
  nodes
    .flatMap((node) =>
      node
        .output()
        .split('\n')
        .filter((line) => /"level":"?(50|60|error|fatal)/.test(line)),
    )
    .slice(0, 20)

async function makeOrganizations(node: ClusterNode, count: number): Promise<string[]> {
  const made: string[] = []
  for (let number = 1; number <= count; number++) made.push(await makeOrganization(node, `Organization ${number}`))
  return made
}

const anyOf = <Item>(items: readonly Item[]): Item => items[Math.floor(Math.random() * items.length)] as Item

const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, Math.max(0, ms))
  })

const callers = 8
const sampleEveryMs = 5000
/** Every so many samples. */
const collectEvery = 6
