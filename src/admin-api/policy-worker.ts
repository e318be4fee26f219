import { parentPort, workerData } from 'node:worker_threads'
import { type PolicyQuestion, validatePolicy } from './policy-validate.ts'

/** The thread of policy-thread.ts: one question, one answer, as JSON so that the other side has nothing left to do. */
const question: PolicyQuestion = workerData
parentPort?.postMessage(JSON.stringify(await validatePolicy(question)))
