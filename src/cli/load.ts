import { formatProblems, type LoadedConfig, loadConfig } from '../config/load.ts'
import { Failure } from './failure.ts'

/**
 * The checked configuration in a file.
 * @throws Failure that lists every problem of the file.
 */
export async function loadOrFail(file: string): Promise<LoadedConfig> {
  const loaded = await loadConfig(file, process.env)
  if (loaded.ok) return loaded
  throw new Failure(formatProblems(loaded.problems))
}
