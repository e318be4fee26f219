import { parentPort, workerData } from 'node:worker_threads'
import { loadConfig } from './load.ts'
import type { LoadQuestion } from './load-apart.ts'

/** The thread of load-apart.ts: one file, one answer. */
const { file, env }: LoadQuestion = workerData
parentPort?.postMessage(await loadConfig(file, env))
