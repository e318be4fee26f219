import cluster, { type Worker } from 'node:cluster'
import { beside } from '../beside.ts'
import type { Message, Port } from './peer.ts'

/** A process that was started, and the channel to it. */
export interface Child {
  readonly pid: number
  readonly port: Port
  kill(): void
  /** Called once, when it has ended and nothing of it is left, or could not be started at all. */
  onExit(listener: (how: string) => void): void
}

/**
 * Starts one more process that shares the listening sockets. The kernel gives each connection to whichever process takes it
 * first: handed out by the primary they would wait for whatever else that is doing.
 */
export function forkWorker(): Child {
  cluster.schedulingPolicy = cluster.SCHED_NONE
  cluster.setupPrimary({ exec: entry, args: [], serialization: 'advanced' })
  const worker = cluster.fork(withoutSecrets(process.env))
  const { promise: ended, resolve } = Promise.withResolvers<string>()
  worker.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`))
  worker.on('error', (error) => {
    // One that does not even start has no exit. Later errors are messages to a process that has just died.
    if (worker.process.pid === undefined) resolve(error.message)
  })
  return {
    pid: worker.process.pid ?? 0,
    port: portOf(worker),
    kill: () => void worker.process.kill('SIGKILL'),
    onExit: (listener) => void ended.then(listener),
  }
}

const portOf = (worker: Worker): Port => ({
  send(message, written) {
    if (worker.isConnected()) return worker.send(message, undefined, undefined, written)
    written()
    return true
  },
  onMessage: (listener) => void worker.on('message', (message: Message) => listener(message)),
})

/** All that a worker has to know comes with its configuration: not the master key, and no token of an operator. */
const withoutSecrets = (environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(
    Object.keys(environment)
      .filter((name) => name.startsWith('SALLYPORT_'))
      .map((name) => [name, undefined]),
  )

const entry = decodeURIComponent(beside(import.meta.url, './entry').pathname)
