import cluster, { type Worker } from 'node:cluster'
import type { Message, Port } from './peer.ts'

/** A process that was started, and the channel to it. */
export interface Child {
  readonly pid: number
  readonly port: Port
  kill(): void
  /** Called once, when it has ended and nothing of it is left. */
  onExit(listener: (how: string) => void): void
}

/**
 * Starts one more process that shares the listening sockets. The kernel gives each connection to whichever process takes it
 * first: handed out by the primary they would wait for whatever else that is doing.
 */
export function forkWorker(): Child {
  cluster.schedulingPolicy = cluster.SCHED_NONE
  cluster.setupPrimary({ exec: entry, args: [], serialization: 'advanced' })
  const worker = cluster.fork()
  // What is written to a process that has just died is lost; that it has died is told by its exit.
  worker.on('error', () => {})
  return {
    pid: worker.process.pid ?? 0,
    port: portOf(worker),
    kill: () => void worker.process.kill('SIGKILL'),
    onExit: (listener) => worker.once('exit', (code, signal) => listener(signal ?? `exit code ${code}`)),
  }
}

const portOf = (worker: Worker): Port => ({
  send(message) {
    if (worker.isConnected()) worker.send(message, undefined, undefined, () => {})
  },
  onMessage: (listener) => void worker.on('message', (message: Message) => listener(message)),
})

// Runs from source and compiled alike.
const entry = decodeURIComponent(
  new URL(import.meta.url.endsWith('.ts') ? './entry.ts' : './entry.js', import.meta.url).pathname,
)
