import type { Limiter } from '../limiter/limiter.ts'
import type { Peer } from './peer.ts'
import type { PrimaryApi } from './protocol.ts'

/** The primary's counters. */
export const remoteLimiter = (primary: Pick<Peer<PrimaryApi>, 'call'>): Limiter => ({
  charge: (charges) => (charges.length === 0 ? [] : primary.call('charge', charges, withinMs)),
  peek: (charges) => (charges.length === 0 ? [] : primary.call('peek', charges, withinMs)),
  async close() {},
})

const withinMs = 500
