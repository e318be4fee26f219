import { LRUCache } from 'lru-cache'
import type { Clock } from '../clock.ts'
import type { Events } from '../events.ts'
import type { Actor, KeyRecord, NewEvent, Store } from '../store/store.ts'
import { withTimeLimit } from '../time-limit.ts'
import type { KeyFormats } from './format.ts'
import { verify } from './verify.ts'

export interface ExposureWatch {
  /** Takes note of the keys in a text that should have had none, such as a URL. Returns at once; the text is not kept. */
  report(text: string): void
  /** What still waits is dropped; what is under way is waited for. */
  close(): Promise<void>
}

export interface ExposureOptions {
  /** Those in force, which a reload may change. */
  readonly formats: () => Pick<KeyFormats, 'extract'>
  readonly store: Pick<Store, 'findKeyByHash' | 'appendEvent' | 'revokeKey'>
  readonly clock: Clock
  readonly events: Pick<Events, 'keyExposed' | 'fault'>
  readonly revoke: () => boolean
}

/**
 * Looks up, off the request's path, whether a key that came in a URL was a live one, so that neither the answer nor its
 * timing tells. Live ones are recorded as exposed and, where the configuration says so, revoked.
 *
 * A caller who sends its key so sends it with every request: each key is looked at once an hour. At most 20 look-ups a
 * second and 1000 in waiting; what comes beyond is counted as exposed but not looked up. A look-up that fails is done again.
 */
export function createExposureWatch({ formats, store, clock, events, revoke }: ExposureOptions): ExposureWatch {
  const waiting = new Map<string, Exposure>()
  const seenAt = new LRUCache<string, number>({ max: 10_000 })
  let timer: NodeJS.Timeout | undefined
  let underWay: Promise<void> | undefined
  let closed = false

  const judge = async (exposure: Exposure): Promise<void> => {
    const record = await withTimeLimit(Promise.resolve(store.findKeyByHash(exposure.sha256)), storeTimeMaxMs)
    if (record === undefined || verify(record, clock.now()) !== undefined) {
      if (!exposure.recorded) events.keyExposed(null)
      return
    }
    // The event first: once the key is revoked, a second try would not know it for a live one.
    if (!exposure.recorded) {
      await withTimeLimit(store.appendEvent(exposedEvent(record), system), storeTimeMaxMs)
      exposure.recorded = true
      events.keyExposed(record.keyId)
    }
    if (revoke()) {
      const revoked = store.revokeKey(record.organization.id, record.keyId, 'exposed in a URL', system)
      await withTimeLimit(revoked, storeTimeMaxMs)
    }
  }

  const work = async (): Promise<void> => {
    const [oldest] = waiting
    if (oldest === undefined) return
    const [id, exposure] = oldest
    waiting.delete(id)
    let pauseMs = lookupEveryMs
    try {
      await judge(exposure)
    } catch (error) {
      events.fault('looking up an exposed key', error)
      pauseMs = pauseAfterFaultMs
      waiting.set(id, exposure)
    }
    underWay = undefined
    wake(pauseMs)
  }

  const wake = (afterMs: number): void => {
    if (timer !== undefined || underWay !== undefined || closed || waiting.size === 0) return
    timer = setTimeout(() => {
      timer = undefined
      underWay = work()
    }, afterMs).unref()
  }

  /** Whether this one was taken in within the last hour. */
  const seen = (id: string): boolean => clock.monotonic() - (seenAt.get(id) ?? Number.NEGATIVE_INFINITY) < seenMs

  return {
    report(text) {
      if (closed) return
      for (const key of formats().extract(text)) {
        const sha256 = key.sha256()
        const id = sha256.toString('latin1')
        if (seen(id)) continue
        if (waiting.size >= waitingMax) {
          events.keyExposed(null)
          continue
        }
        seenAt.set(id, clock.monotonic())
        waiting.set(id, { sha256, recorded: false })
      }
      wake(lookupEveryMs)
    },
    async close() {
      closed = true
      clearTimeout(timer)
      await underWay
      waiting.clear()
    },
  }
}

/** A key that was seen: its hash alone. */
interface Exposure {
  readonly sha256: Buffer
  /** The event is written; only the revocation is still to do. */
  recorded: boolean
}

const exposedEvent = ({ keyId, organization }: KeyRecord): NewEvent => ({
  type: 'api_key.exposed',
  organizationId: organization.id,
  target: keyId,
})

const system: Actor = { type: 'system', id: null }
const lookupEveryMs = 50
const pauseAfterFaultMs = 1000
const storeTimeMaxMs = 2000
const waitingMax = 1000
const seenMs = 3_600_000
