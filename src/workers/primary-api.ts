import type { Limiter } from '../limiter/limiter.ts'
import type { AnswerCall } from '../self-service/call.ts'
import type { RequestRow, Store } from '../store/store.ts'
import type { PrimaryApi } from './protocol.ts'

export interface PrimaryParts {
  readonly store: Pick<
    Store,
    'insertRequests' | 'admitRequests' | 'finishRequests' | 'touchSecrets' | 'appendEvent' | 'revokeKey'
  >
  readonly limiter: Pick<Limiter, 'charge' | 'peek'>
  readonly answerCall: AnswerCall
  /** For those who watch requests live; a row that is finished. */
  readonly publish: (row: RequestRow) => void
}

/** What workers have the primary do. */
export const primaryApi = (parts: PrimaryParts): Omit<PrimaryApi, 'failed' | 'report'> => {
  const { store, limiter, answerCall, publish } = parts
  return {
    async insertRequests(rows) {
      await store.insertRequests(rows)
      for (const row of rows) publish(row)
    },
    // Decisions alone; what has become of them follows.
    admitRequests: (rows) => store.admitRequests(rows),
    async finishRequests(rows) {
      await store.finishRequests(rows)
      for (const row of rows) publish(row)
    },
    touchSecrets: (lastUsed) => store.touchSecrets(lastUsed),
    appendEvent: ({ event, actor }) => store.appendEvent(event, actor),
    async revokeKey({ organizationId, keyId, reason, actor }) {
      await store.revokeKey(organizationId, keyId, reason, actor)
    },
    answerCall,
    charge: async (charges) => limiter.charge(charges),
    peek: async (charges) => limiter.peek(charges),
  }
}
