import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { familyCpuUs, type Machine, pinned, threadsUs } from './machine.ts'

/** A process of the bench: started with `startChild`, gone when disposed. */
export interface Child extends AsyncDisposable {
  readonly pid: number
  /** User and system time so far, in microseconds: all threads, and its own processes where the machine has /proc. */
  cpuUs(): Promise<number>
  /** The same by thread; empty where the machine has no /proc. */
  threadsUs(): ReadonlyMap<string, number>
  /** Rejects with what the process wrote when it ends before it was told to. */
  readonly died: Promise<never>
}

export interface ChildOptions {
  readonly machine: Machine
  readonly core: number
  readonly env?: Readonly<Record<string, string>>
  /** Whether CPU time is asked for: on machines without /proc the process is then made to report it. */
  readonly metered?: boolean
  /** An open file to which it writes what it says; left out: nobody reads that, unless it ends. */
  readonly output?: number | undefined
}

const stopTimeoutMs = 15_000

/** Starts a Node.js program, given as a file beside this one or as a full path, or any other command. */
export function startChild(command: string, args: readonly string[], options: ChildOptions): Child {
  const { machine } = options
  const reports = options.metered === true && machine.tickUs === undefined
  const preload = reports ? ['--import', new URL('./report-usage.ts', import.meta.url).href] : []
  const [file, argv] = pinned(machine, options.core, command, [...preload, ...args])
  const process_ = spawn(file, argv, {
    // The channel also tells our own programs that the bench is gone: they end when it closes.
    stdio: ['ignore', options.output ?? 'pipe', 'pipe', ...(command === process.execPath ? (['ipc'] as const) : [])],
    env: { ...process.env, ...options.env },
  })
  const said = tail(process_)
  let stopping = false
  const died = new Promise<never>((_, reject) => {
    process_.once('error', (error) => reject(new Error(`${command} does not start: ${error.message}`)))
    process_.once('exit', (code, signal) => {
      if (!stopping) reject(new Error(`${command} ${args.join(' ')} ended with ${signal ?? code}:\n${said()}`))
    })
  })
  died.catch(() => {}) // Whoever waits for the process sees it; with nobody waiting it is not a fault of its own.
  const pid = process_.pid ?? 0
  return {
    pid,
    died,
    cpuUs: async () => (machine.tickUs === undefined ? askUsage(process_) : familyCpuUs(pid, machine.tickUs)),
    threadsUs: () => (machine.tickUs === undefined ? new Map() : threadsUs(pid, machine.tickUs)),
    async [Symbol.asyncDispose]() {
      stopping = true
      if (process_.exitCode !== null || process_.signalCode !== null || process_.pid === undefined) return
      const gone = once(process_, 'exit')
      process_.kill('SIGTERM')
      const hard = setTimeout(() => process_.kill('SIGKILL'), stopTimeoutMs)
      await gone
      clearTimeout(hard)
    },
  }
}

/** The file system path of a file beside this one. */
export const beside = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/** Resolves when GET on this URL answers 200. @throws with the last failure after the time, or when the process died. */
export async function answers(url: string, child: Child, timeoutMs = 20_000): Promise<void> {
  const until = performance.now() + timeoutMs
  let last = 'no answer'
  while (performance.now() < until) {
    try {
      const response = await Promise.race([fetch(url, { signal: AbortSignal.timeout(2000) }), child.died])
      await response.body?.cancel()
      if (response.status === 200) return
      last = `status ${response.status}`
    } catch (error) {
      if (!(error instanceof TypeError) && !(error instanceof DOMException)) throw error
    }
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  throw new Error(`${url}: ${last} within ${timeoutMs} ms`)
}

/** Reads both outputs to the end, so that the process never blocks on them, and keeps the last few kilobytes. */
function tail(child: ChildProcess): () => string {
  let kept = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      kept = (kept + text).slice(-4000)
    })
  }
  return () => kept
}

async function askUsage(child: ChildProcess): Promise<number> {
  const answer = once(child, 'message', { signal: AbortSignal.timeout(2000) })
  child.send('usage')
  const [usage] = await answer
  return Number(usage)
}
