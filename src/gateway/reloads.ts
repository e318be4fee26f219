import { createHash } from 'node:crypto'
import type { Clock } from '../clock.ts'
import { formatProblems, type LoadedConfig, type LoadResult } from '../config/load.ts'
import type { Problem } from '../config/problems.ts'
import type { Events } from '../events.ts'
import { type Actor, type Store, StoreUnavailable } from '../store/store.ts'
import { TimeLimitPassed, withTimeLimit } from '../time-limit.ts'

/** The configuration that requests are judged by. */
export interface InForce {
  /** Of the file's text without its secrets: nobody can try out guesses at a secret on it. */
  readonly version: string
  /** Wall clock, milliseconds. */
  readonly since: number
  readonly loaded: LoadedConfig
}

export type ReloadOutcome =
  | { readonly result: 'accepted'; readonly version: string; readonly changed: boolean }
  | { readonly result: 'rejected'; readonly problems: readonly Problem[] }
  /** Started without a file. */
  | { readonly result: 'no_file' }

export interface LastReload {
  readonly at: number
  readonly result: 'accepted' | 'rejected'
  readonly problems: readonly Problem[]
}

export interface Reloads {
  /**
   * Reads the file again. A bad one changes nothing. One after the other: of two that overlap the one that has read the
   * older text must not be the last to finish.
   * @param actor who asked; left out: the file has changed, or a signal came.
   * @throws StoreUnavailable when somebody asked and it can't be written down: then nothing has changed either.
   */
  reload(actor?: Actor): Promise<ReloadOutcome>
  inForce(): InForce
  /** Whether there is a file to read again. */
  readonly hasFile: boolean
  /** Undefined until the first one. */
  last(): LastReload | undefined
}

export interface ReloadsOptions {
  readonly first: LoadedConfig
  readonly file: string | undefined
  readonly load: (file: string) => Promise<LoadResult>
  /** Builds everything anew, and gives the one step that puts it in force, which can't fail. */
  readonly build: (next: LoadedConfig) => Promise<() => Promise<void>>
  /** Takes down what was built and does not come into force, or was built in part. */
  readonly abandon: () => void
  readonly store: Pick<Store, 'appendEvent'>
  readonly events: Pick<Events, 'configLoaded' | 'fault'>
  readonly clock: Pick<Clock, 'now'>
}

export function createReloads({ first, file, load, build, abandon, store, events, clock }: ReloadsOptions): Reloads {
  let inForce: InForce = { version: versionOf(first), since: clock.now(), loaded: first }
  let last: LastReload | undefined

  const reloadOnce = async (actor: Actor | undefined): Promise<ReloadOutcome> => {
    if (file === undefined) return { result: 'no_file' }
    const next = await load(file)
    if (!next.ok) return reject(next.problems)
    let putInForce: () => Promise<void>
    try {
      putInForce = await build(next)
    } catch (error) {
      abandon()
      const message = error instanceof Error ? error.message : String(error)
      return reject([{ file, line: 0, column: 0, path: '', message }])
    }
    const version = versionOf(next)
    const changed = next.text !== inForce.loaded.text
    try {
      await writeDown(inForce.version, version, changed, actor)
    } catch (error) {
      abandon()
      throw error
    }
    await putInForce()
    inForce = { version, since: changed ? clock.now() : inForce.since, loaded: next }
    last = { at: clock.now(), result: 'accepted', problems: [] }
    events.configLoaded('accepted', file)
    return { result: 'accepted', version, changed }
  }

  const reject = (problems: readonly Problem[]): ReloadOutcome => {
    last = { at: clock.now(), result: 'rejected', problems }
    events.configLoaded('rejected', formatProblems(problems))
    return { result: 'rejected', problems }
  }

  const writeDown = async (before: string, after: string, changed: boolean, actor: Actor | undefined) => {
    if (actor !== undefined) return record(before, after, actor)
    // A file that was changed holds, also while the store is down.
    if (changed) await record(before, after, gateway).catch((error) => events.fault('recording a reload', error))
  }

  const record = async (before: string, after: string, actor: Actor): Promise<void> => {
    const event = { type: 'config.reloaded' as const, organizationId: null, target: after }
    try {
      const versions = { before: { version: before }, after: { version: after } }
      await withTimeLimit(store.appendEvent({ ...event, ...versions }, actor), recordWithinMs)
    } catch (error) {
      throw error instanceof TimeLimitPassed ? new StoreUnavailable(error.message) : error
    }
  }

  let reloading: Promise<unknown> = Promise.resolve()
  return {
    reload(actor) {
      const outcome = reloading.then(() => reloadOnce(actor))
      reloading = outcome.catch(() => {})
      return outcome
    },
    inForce: () => inForce,
    hasFile: file !== undefined,
    last: () => last,
  }
}

const recordWithinMs = 2000
const gateway: Actor = { type: 'system', id: null }

const versionOf = ({ shown }: LoadedConfig): string => createHash('sha256').update(shown).digest('hex').slice(0, 16)
