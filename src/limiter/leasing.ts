import type { Clock } from '../clock.ts'
import type { Counter, Grant, Holding, LimitAuthority, Want } from './authority.ts'
import type { Lease } from './lease.ts'
import { LeaseTable } from './lease-table.ts'
import type { Charge, ChargeState, Limiter } from './limiter.ts'

export interface LeasingLimiter extends Limiter {
  /** Gives back what has not been used for a while; a timer calls it. */
  returnIdle(): void
  /** Counters that are kept in mind. */
  readonly size: number
}

export interface LeasingOptions {
  readonly authority: LimitAuthority
  /** Asked instead for requests of which nothing may be held, where it has a shorter way. */
  readonly plain?: Pick<Limiter, 'charge' | 'peek'>
  readonly clock: Pick<Clock, 'monotonic'>
  /** Which limits may be held in advance; left out: those whose charge says so. */
  readonly leases?: (charge: Charge) => boolean
  /** Counters that are kept in mind at most; of further ones nothing is held. */
  readonly countersMax?: number
  /** Called when tokens could not be given back: they are lost until their window ends. */
  readonly onLost?: (error: unknown) => void
}

/**
 * Spends tokens that this node holds in advance, and then answers at once; asks the authority where they do not reach.
 * A counter is first asked for one request at a time; the more often it is, the more tokens come along, and what is not
 * used for a second goes back. Whatever is lost on the way, a crash included, is lost tokens and never extra ones.
 */
export function createLeasingLimiter({
  authority,
  plain,
  clock,
  leases = (charge) => charge.lease === true,
  countersMax = 10_000,
  onLost = () => {},
}: LeasingOptions): LeasingLimiter {
  const table = new LeaseTable(countersMax)

  const giveBack = (holdings: readonly Holding[]): void => {
    if (holdings.length === 0) return
    // A promise that rejects, or an authority that throws at once.
    void (async () => authority.giveBack(holdings))().catch(onLost)
  }

  authority.onRecall((counters) => {
    const now = clock.monotonic()
    giveBack(
      counters.map((counter) => {
        const lease = table.find(counter)
        return lease === undefined ? nothingOf(counter) : lease.recall(now)
      }),
    )
  })

  /** What is held pays for all of the request, or for none of it. */
  const spend = (charges: readonly Charge[], now: number): readonly ChargeState[] | undefined => {
    for (let index = 0; index < charges.length; index++) {
      const charge = charges[index] as Charge
      if (table.find(charge)?.spend(charge, now)) continue
      for (const earlier of charges.slice(0, index)) table.find(earlier)?.unspend(earlier)
      return undefined
    }
    return charges.map((charge) => (table.find(charge) as Lease).stateOf(charge, now))
  }

  /** Without asking, where it is known that nothing can come back. */
  const refuse = (charges: readonly Charge[], now: number): readonly ChargeState[] | undefined => {
    if (!charges.some((charge) => table.find(charge)?.isFull(charge, now))) return undefined
    if (!charges.every((charge) => table.find(charge)?.isLive(charge, now))) return undefined
    const states = charges.map((charge) => (table.find(charge) as Lease).peek(charge, now))
    // Only a refusal may be told without asking: nothing has been charged here.
    return states.some(({ exceeded }) => exceeded) ? states : undefined
  }

  /** The answer on its way that will bring tokens for one of these counters. */
  const filling = (charges: readonly Charge[]): Lease | undefined => {
    for (const charge of charges) {
      const lease = leases(charge) ? table.find(charge) : undefined
      if (lease?.filling !== undefined) return lease
    }
    return undefined
  }

  const ask = async (charges: readonly Charge[]): Promise<readonly ChargeState[]> => {
    for (let waits = 0; waits < waitsMax; waits++) {
      const lease = filling(charges)
      if (lease === undefined) break
      const { cost: asked = 0 } = charges.find((charge) => table.find(charge) === lease) ?? {}
      // A cost that is no number does not fit, and nothing is handed out for it.
      const cost = asked > 0 && Number.isFinite(asked) ? asked : 0
      lease.waiting += cost
      await lease.filling
      lease.waiting -= cost
      const now = clock.monotonic()
      const states = spend(charges, now) ?? refuse(charges, now)
      if (states !== undefined) return states
    }
    return take(charges)
  }

  const take = async (charges: readonly Charge[]): Promise<readonly ChargeState[]> => {
    const now = clock.monotonic()
    const single = areSingle(charges)
    const asked = charges.map((charge): Asked => {
      const lease = single && leases(charge) ? table.open(charge, now) : undefined
      if (lease !== undefined && !lease.isFor(charge)) giveBack([lease.change(charge)])
      return { charge, lease, want: lease?.want(charge, now) ?? wantAlone(charge), recalls: lease?.recalls ?? 0 }
    })
    const { promise: answered, resolve } = Promise.withResolvers<void>()
    for (const { lease, want } of asked) lease?.sent(want, answered)
    let states: readonly ChargeState[]
    try {
      const grants = await authority.take(asked.map(({ want }) => want))
      states = asked.map((one, index) => settle(one, grants[index] as Grant, now, answered))
    } finally {
      for (const { lease, want } of asked) lease?.answered(want)
      resolve()
    }
    return states.some(({ exceeded }) => exceeded) ? ((await spendLate(charges)) ?? states) : states
  }

  /** What other answers bring, before or soon after a refusal, may be what it lacked. */
  const spendLate = async (charges: readonly Charge[]): Promise<readonly ChargeState[] | undefined> => {
    const states = spend(charges, clock.monotonic())
    const lease = states === undefined ? filling(charges) : undefined
    if (lease === undefined) return states
    await lease.filling
    return spend(charges, clock.monotonic())
  }

  const settle = (
    { charge, lease, want, recalls }: Asked,
    grant: Grant,
    sentAt: number,
    answered: Promise<void>,
  ): ChargeState => {
    const { limit, requests, windowMs } = charge
    if (lease === undefined) {
      const { remaining, resetMs, exceeded } = grant
      return { limit, requests, windowMs, remaining, resetMs, exceeded }
    }
    lease.take(want, grant, sentAt)
    const remaining = lease.remaining(grant)
    // Called back while this was on its way: the caller of it counts on everything that those who wait here do not need.
    if (lease.recalls !== recalls) void answered.then(() => giveBack([lease.release()]))
    return { limit, requests, windowMs, remaining, resetMs: grant.resetMs, exceeded: grant.exceeded }
  }

  const returnIdle = (): void => giveBack(table.collectIdle(clock.monotonic()))
  const timer = setInterval(returnIdle, sweepMs).unref()

  return {
    charge(charges) {
      if (charges.length === 0) return []
      if (plain && !charges.some(leases)) return plain.charge(charges)
      const now = clock.monotonic()
      return spend(charges, now) ?? refuse(charges, now) ?? ask(charges)
    },
    peek(charges) {
      if (plain && !charges.some(leases)) return plain.peek(charges)
      const now = clock.monotonic()
      if (charges.length > 0 && charges.every((charge) => table.find(charge)?.isLive(charge, now))) {
        return charges.map((charge) => (table.find(charge) as Lease).peek(charge, now))
      }
      const look = (states: readonly ChargeState[]) =>
        states.map((state, index) => {
          const charge = charges[index] as Charge
          return addOwn(state, charge.cost, table.find(charge)?.held(now) ?? 0)
        })
      const states = authority.peek(charges)
      return states instanceof Promise ? states.then(look) : look(states)
    },
    returnIdle,
    async close() {
      clearInterval(timer)
      const holdings = table.releaseAll()
      if (holdings.length > 0) {
        const late = Promise.withResolvers<void>()
        const deadline = setTimeout(late.resolve, closeMs)
        await Promise.race([(async () => authority.giveBack(holdings))().catch(onLost), late.promise])
        clearTimeout(deadline)
      }
      await authority.close()
    },
    get size() {
      return table.size
    },
  }
}

interface Asked {
  readonly charge: Charge
  /** Undefined where nothing of this counter is held. */
  readonly lease: Lease | undefined
  readonly want: Want
  /** How often it had been called back when this was asked. */
  readonly recalls: number
}

const wantAlone = (charge: Charge): Want => ({ ...charge, waiting: 0, extra: 0, window: '', covered: 0, spent: 0 })

const nothingOf = ({ limit, bucket }: Counter): Holding => ({ limit, bucket, window: '', tokens: 0, spent: 0 })

function areSingle(charges: readonly Charge[]): boolean {
  if (charges.length < 2) return true
  return charges.every(({ limit, bucket }, index) =>
    charges.slice(0, index).every((earlier) => earlier.limit !== limit || earlier.bucket !== bucket),
  )
}

/** What the authority calls used may be in our hands, unspent. */
function addOwn(state: ChargeState, cost: number, own: number): ChargeState {
  if (own === 0) return state
  const remaining = Math.min(state.requests, state.remaining + own)
  return { ...state, remaining, exceeded: !(cost >= 0 && cost <= remaining) }
}

/** How often a request waits for tokens that others have asked for, before it asks itself. */
const waitsMax = 8
const sweepMs = 250
const closeMs = 500
