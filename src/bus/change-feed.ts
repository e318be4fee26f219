import type { Clock } from '../clock.ts'
import type { Change, Store } from '../store/store.ts'
import { StoreUnavailable } from '../store/store.ts'

export interface ChangeFeedOptions {
  /** Between the end of one poll and the start of the next, in milliseconds. */
  readonly everyMs?: number
  readonly clock: Clock
  /** Something that this node may hold is out of date. */
  readonly onChange: (change: Change) => void
  /** Nobody knows what has changed: forget everything. */
  readonly onGap: () => void
  /** Resolves when what was told holds everywhere on this node. Awaited before a poll that told something ends. */
  readonly settled?: () => Promise<void>
  /** This node holds nothing older than this sequence number. After `settled`. */
  readonly onReached?: (seq: number) => void
  /** Everything that was committed until `ageMs` ago has been told. */
  readonly onSynced?: (ageMs: number) => void
  /** The store answers, for the first time or again. */
  readonly onUp: () => void
  /** The store has stopped answering. Called once, not for each poll that fails. */
  readonly onDown: (error: unknown) => void
}

export interface ChangeFeed {
  /** `clock.monotonic()` when the last successful poll began: what was known then is as fresh as that. Minus infinity before. */
  lastSyncAt(): number
  /** How far it has read; 0 before the first poll. */
  position(): number
  /** Resolves with true when all that was committed before the call has been told, with false when the store fails to answer. */
  pollNow(): Promise<boolean>
  close(): void
}

/**
 * Follows the change log: each change once and in order, from now on. Never two polls at a time; one that hangs counts as
 * down and is not a success until it has answered. Start it before the first look-up.
 */
export function followChanges(
  store: Pick<Store, 'changesSince' | 'latestChange'>,
  { everyMs = 300, clock, onChange, onGap, settled, onReached, onSynced, onUp, onDown }: ChangeFeedOptions,
): ChangeFeed {
  let position: number | undefined
  /** When the change at the position was made. */
  let positionAt: number | undefined
  let lastSync = Number.NEGATIVE_INFINITY
  let up: boolean | undefined
  let closed = false
  let running: Promise<boolean> | undefined
  let queued: Promise<boolean> | undefined
  let timer: NodeJS.Timeout | undefined

  const fail = (error: unknown): void => {
    if (up === false || closed) return
    up = false
    onDown(error)
  }

  const succeed = (startedAt: number): void => {
    lastSync = startedAt
    onSynced?.(clock.monotonic() - startedAt)
    if (up) return
    up = true
    onUp()
  }

  /** @returns false when closed meanwhile: nothing may be told any more. */
  const findPosition = async (from: number | undefined): Promise<boolean> => {
    const found = store.latestChange()
    const latest = typeof found === 'number' ? found : await found
    if (closed) return false
    // After the position is known and not before: what is read from here on is at least as new as the position.
    if (from !== undefined || typeof found !== 'number' || up === false) onGap()
    position = latest
    positionAt = undefined
    return true
  }

  /** @returns whether anything was told. */
  const catchUp = async (): Promise<boolean> => {
    if (position === undefined) return findPosition(undefined)
    const from = position
    for (;;) {
      const read = store.changesSince(position, pageSize, positionAt)
      const { changes, gap, at } = 'then' in read ? await read : read
      if (closed) return false
      if (gap) return findPosition(position)
      for (const change of changes) {
        onChange(change)
        position = change.seq
      }
      positionAt = at
      if (changes.length < pageSize) return position !== from
    }
  }

  /** @param waited resolves whoever waits for this poll, at its end or when it is given up for hung. */
  const poll = async (waited: (told: boolean) => void): Promise<void> => {
    clearTimeout(timer)
    const startedAt = clock.monotonic()
    let told = false
    const deadline = setTimeout(() => {
      fail(new StoreUnavailable(`the change log has not answered within ${hungAfterMs} ms`))
      waited(false)
    }, hungAfterMs)
    deadline.unref()
    try {
      const hasTold = await catchUp()
      if (!closed) succeed(startedAt)
      if (hasTold) await settled?.()
      if (position !== undefined && !closed) onReached?.(position)
      told = true
    } catch (error) {
      fail(error)
    } finally {
      clearTimeout(deadline)
      running = undefined
      waited(told)
      if (!closed) {
        timer = setTimeout(start, everyMs)
        timer.unref()
      }
    }
  }

  const start = (): Promise<boolean> => {
    if (!running) {
      const { promise, resolve } = Promise.withResolvers<boolean>()
      running = promise
      void poll(resolve)
    }
    return running
  }

  void start()
  return {
    lastSyncAt: () => lastSync,
    position: () => position ?? 0,
    pollNow() {
      if (closed) return Promise.resolve(false)
      if (!running) return start()
      // The one that runs may have read before the caller's change: another one after it, shared by all who ask meanwhile.
      queued ??= running.then(() => {
        queued = undefined
        return closed || running ? false : start()
      })
      return queued
    },
    close() {
      closed = true
      clearTimeout(timer)
    },
  }
}

const pageSize = 500
const hungAfterMs = 2000
