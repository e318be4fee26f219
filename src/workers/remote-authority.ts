import type { Counter, LimitAuthority } from '../limiter/authority.ts'
import { LimiterUnavailable } from '../limiter/limiter.ts'
import { StoreUnavailable } from '../store/store.ts'
import { type Peer, PeerSilent } from './peer.ts'
import type { PrimaryApi } from './protocol.ts'

export interface RemoteAuthority extends LimitAuthority {
  /** The primary calls tokens back. */
  recalled(counters: readonly Counter[]): void
}

/** The primary's counters. */
export function remoteAuthority(primary: Pick<Peer<PrimaryApi>, 'call'>): RemoteAuthority {
  let listener: (counters: readonly Counter[]) => void = () => {}
  return {
    take: (wants) => primary.call('take', wants, withinMs).catch(unavailable),
    peek: (charges) => (charges.length === 0 ? [] : primary.call('peek', charges, withinMs).catch(unavailable)),
    giveBack: (holdings) => primary.call('giveBack', holdings, withinMs),
    onRecall(heard) {
      listener = heard
    },
    recalled: (counters) => listener(counters),
    async close() {},
  }
}

/** A primary that does not answer is to a request what counters out of reach are: 503, and nobody knows whether it was charged. */
function unavailable(error: unknown): never {
  if (error instanceof PeerSilent || error instanceof StoreUnavailable) throw new LimiterUnavailable(error.message)
  throw error
}

/** Longer than the primary waits for what it calls back. */
const withinMs = 1000
