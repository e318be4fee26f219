import type { AnswerCall } from '../self-service/call.ts'
import { packRequests } from '../store/packed-requests.ts'
import { type RequestRow, type RequestWrite, type Store, StoreUnavailable } from '../store/store.ts'
import { type Peer, PeerSilent } from './peer.ts'
import type { PrimaryApi } from './protocol.ts'

/** What a worker has the primary write. */
export type RemoteStore = Pick<
  Store,
  'insertRequests' | 'admitRequests' | 'finishRequests' | 'touchSecrets' | 'appendEvent' | 'revokeKey'
>

type Primary = Pick<Peer<PrimaryApi>, 'call'>

export function remoteStore(primary: Primary): RemoteStore {
  const writeRequests = (write: RequestWrite, rows: readonly RequestRow[]): Promise<void> =>
    primary.call('writeRequests', { write, rows: packRequests(rows) }).catch(unavailable)
  return {
    insertRequests: (rows) => writeRequests('insert', rows),
    admitRequests: (rows) => writeRequests('admit', rows),
    finishRequests: (rows) => writeRequests('finish', rows),
    touchSecrets: (lastUsed) => primary.call('touchSecrets', lastUsed).catch(unavailable),
    appendEvent: (event, actor) => primary.call('appendEvent', { event, actor }).catch(unavailable),
    async revokeKey(organizationId, keyId, reason, actor) {
      await primary.call('revokeKey', { organizationId, keyId, reason, actor }).catch(unavailable)
      return undefined
    },
  }
}

/** At most so many at once for each worker: bodies are large, and the primary has other work. */
export function remoteAnswerCall(primary: Primary): AnswerCall {
  let underWay = 0
  return async (call) => {
    if (underWay >= callsMax) return { refused: 'OVERLOADED' }
    underWay++
    try {
      return await primary.call('answerCall', call)
    } catch (error) {
      if (error instanceof PeerSilent || error instanceof StoreUnavailable) return { refused: 'KEY_STORE_UNAVAILABLE' }
      throw error
    } finally {
      underWay--
    }
  }
}

/** A primary that does not answer is a store that does not: what is to be written is tried again, not given up. */
function unavailable(error: unknown): never {
  throw error instanceof PeerSilent ? new StoreUnavailable(error.message) : error
}

const callsMax = 100
