import type { AnswerCall } from '../self-service/call.ts'
import { unpackRequests } from '../store/packed-requests.ts'
import type { RequestRow, Store } from '../store/store.ts'
import { createGatheredWrites } from './gathered-writes.ts'
import type { PrimaryApi } from './protocol.ts'

export interface PrimaryParts {
  readonly store: Pick<Store, 'writePackedRequests' | 'touchSecrets' | 'appendEvent' | 'revokeKey'>
  readonly answerCall: AnswerCall
  /** Those who watch requests live. */
  readonly tail: {
    /** Whether anybody does: for nobody the primary does not look into rows. */
    readonly watched: boolean
    /** Gets a row that is finished. */
    publish(row: RequestRow): void
  }
}

export type SharedApi = Pick<PrimaryApi, 'writeRequests' | 'touchSecrets' | 'appendEvent' | 'revokeKey' | 'answerCall'>

/** What workers have the primary do, the same for each of them. */
export const primaryApi = ({ store, answerCall, tail }: PrimaryParts): SharedApi => {
  const writes = createGatheredWrites({ store })
  return {
    async writeRequests({ write, rows }) {
      await writes.write(write, rows)
      // Of those that are admitted only the decision is known; what has become of them follows.
      if (write !== 'admit' && tail.watched) for (const row of unpackRequests(rows)) tail.publish(row)
    },
    touchSecrets: (lastUsed) => store.touchSecrets(lastUsed),
    appendEvent: ({ event, actor }) => store.appendEvent(event, actor),
    async revokeKey({ organizationId, keyId, reason, actor }) {
      await store.revokeKey(organizationId, keyId, reason, actor)
    },
    answerCall,
  }
}
