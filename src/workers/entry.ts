import { runWorker } from './worker.ts'

/** Where a worker process begins. It does what its primary says, and ends with it. */
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR2'] as const) {
  // Sent to the whole group of processes at times; the primary says what follows from it.
  process.on(signal, () => {})
}
// Without it nobody tells this process of revocations any more.
process.on('disconnect', () => process.exit(1))

runWorker({
  send(message, written) {
    return process.send?.(message, undefined, undefined, written) ?? true
  },
  onMessage: (listener) => void process.on('message', listener),
})
