import type { Store } from '../store/store.ts'
import type { Peer } from './peer.ts'
import type { PrimaryApi } from './protocol.ts'

/** What a worker has the primary write. */
export type RemoteStore = Pick<
  Store,
  'insertRequests' | 'admitRequests' | 'finishRequests' | 'touchSecrets' | 'appendEvent' | 'revokeKey'
>

export const remoteStore = (primary: Pick<Peer<PrimaryApi>, 'call'>): RemoteStore => ({
  insertRequests: (rows) => primary.call('insertRequests', rows),
  admitRequests: (rows) => primary.call('admitRequests', rows),
  finishRequests: (rows) => primary.call('finishRequests', rows),
  touchSecrets: (lastUsed) => primary.call('touchSecrets', lastUsed),
  appendEvent: (event, actor) => primary.call('appendEvent', { event, actor }),
  async revokeKey(organizationId, keyId, reason, actor) {
    await primary.call('revokeKey', { organizationId, keyId, reason, actor })
    return undefined
  },
})
