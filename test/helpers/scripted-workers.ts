import type { Child } from '../../src/workers/fork.ts'
import { createPeer, type Message, type Peer, type Port } from '../../src/workers/peer.ts'
import type { PrimaryApi, WorkerApi, WorkerReport } from '../../src/workers/protocol.ts'

/** A worker without a process: it does what the test says, at a time that the test says. */
export interface ScriptedWorker {
  readonly number: number
  readonly primary: Peer<PrimaryApi>
  /** What it was told and asked, in order. */
  readonly heard: readonly string[]
  /** The version of the plan that it has in force. */
  readonly version: number
  readonly alive: boolean
  /** Has it wait with its answers to this from now on, until the function that comes back is called. */
  hold(name: keyof WorkerApi): () => void
  report: WorkerReport
  /** It reads nothing any more. */
  deaf: boolean
  crash(): void
}

/** @param begin called with each worker before it hears anything: what it throws at `start` is its answer to that. */
export function scriptedWorkers(begin: (worker: ScriptedWorker) => void = () => {}) {
  const workers: ScriptedWorker[] = []
  const fork = (): Child => {
    const exits: ((how: string) => void)[] = []
    const heard: string[] = []
    const held = new Map<string, Promise<void>>()
    let alive = true
    let version = 0
    let prepared = 0
    const exit = (how: string): void => {
      if (!alive) return
      alive = false
      setImmediate(() => {
        for (const listen of exits) listen(how)
      })
    }
    const [near, far] = portPair(() => ({ alive, deaf: worker.deaf }))
    const on = <Name extends keyof WorkerApi>(name: Name, act: WorkerApi[Name]): WorkerApi[Name] =>
      (async (body: never) => {
        heard.push(name)
        await held.get(name)
        return (act as (body: never) => unknown)(body)
      }) as unknown as WorkerApi[Name]
    const api: WorkerApi = {
      start: on('start', async ({ plan }) => {
        version = plan.version
      }),
      listen: on('listen', async ({ host, port }) => ({ host, port })),
      forget: on('forget', () => {}),
      forgetAll: on('forgetAll', () => {}),
      settle: on('settle', () => {}),
      synced: on('synced', () => {}),
      prepare: on('prepare', async (plan) => {
        prepared = plan.version
      }),
      apply: on('apply', async () => {
        if (prepared > 0) version = prepared
      }),
      abandon: on('abandon', () => {}),
      recall: on('recall', () => {}),
      failed: on('failed', () => {}),
      drain: on('drain', () => {}),
      close: on('close', async () => {}),
      abortAll: on('abortAll', async () => 0),
      report: on('report', async () => worker.report),
      end: on('end', async () => worker.report),
      exit: on('exit', () => exit('exit code 0')),
    }
    const worker: ScriptedWorker = {
      number: workers.length + 1,
      primary: createPeer<PrimaryApi>(far, api, () => {}),
      heard,
      report: { inFlight: 0, metrics: [], targetsUp: new Map() },
      deaf: false,
      get version() {
        return version
      },
      get alive() {
        return alive
      },
      hold(name) {
        const { promise, resolve } = Promise.withResolvers<void>()
        held.set(name, promise)
        return resolve
      },
      crash: () => exit('SIGSEGV'),
    }
    workers.push(worker)
    begin(worker)
    worker.primary.tell('hello', undefined)
    return {
      pid: worker.number,
      port: near,
      kill: () => exit('SIGKILL'),
      onExit: (listener) => void exits.push(listener),
    }
  }
  const living = (): ScriptedWorker[] => workers.filter(({ alive }) => alive)
  return { fork, workers, living }
}

/** Messages are copied, and arrive in order and later. The first port is the primary's. */
function portPair(state: () => { alive: boolean; deaf: boolean }): [Port, Port] {
  const listeners: ((message: Message) => void)[][] = [[], []]
  const port = (own: number): Port => ({
    send(message, written) {
      if (own === 0 && state().deaf) return false
      const copy = structuredClone(message)
      setImmediate(() => {
        written?.()
        if (state().alive) for (const listen of listeners[1 - own] ?? []) listen(copy)
      })
      return true
    },
    onMessage: (listener) => void listeners[own]?.push(listener),
  })
  return [port(0), port(1)]
}
