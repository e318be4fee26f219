import { stat } from 'node:fs/promises'
import { beside } from '../beside.ts'
import { askThread, tookTooMuch } from './ask-thread.ts'
import { type LoadResult, loadConfig } from './load.ts'
import type { Environment } from './variables.ts'

/**
 * Like `loadConfig`, for a process that carries traffic: a large file, which takes up to a second, is read and checked in a
 * thread of its own. A small one is not worth a thread.
 */
export async function loadApart(file: string, env: Environment): Promise<LoadResult> {
  const size = await stat(file).then(
    (found) => found.size,
    () => 0,
  )
  if (size <= smallBytesMax) return loadConfig(file, env)
  const entry = beside(import.meta.url, './load-worker')
  const question: LoadQuestion = { file, env: { ...env } }
  const came = await askThread<LoadResult>({ entry, data: question, limitMs })
  if (typeof came === 'object') return came.answer
  return { ok: false, problems: [{ file, line: 0, column: 0, path: '', message: tookTooMuch(came, limitMs) }] }
}

export interface LoadQuestion {
  readonly file: string
  readonly env: Environment
}

const smallBytesMax = 32 * 1024
const limitMs = 30_000
