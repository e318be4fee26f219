import type { AnswerCall } from '../self-service/call.ts'
import type { RequestRow, Store } from '../store/store.ts'
import type { PrimaryApi } from './protocol.ts'

export interface PrimaryParts {
  readonly store: Pick<
    Store,
    'insertRequests' | 'admitRequests' | 'finishRequests' | 'touchSecrets' | 'appendEvent' | 'revokeKey'
  >
  readonly answerCall: AnswerCall
  /** For those who watch requests live; a row that is finished. */
  readonly publish: (row: RequestRow) => void
}

export type SharedApi = Pick<
  PrimaryApi,
  | ('insertRequests' | 'admitRequests' | 'finishRequests')
  | ('touchSecrets' | 'appendEvent' | 'revokeKey' | 'answerCall')
>

/** What workers have the primary do, the same for each of them. */
export const primaryApi = ({ store, answerCall, publish }: PrimaryParts): SharedApi => {
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
  }
}
