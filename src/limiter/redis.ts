import type { RedisClient } from '../redis/connect.ts'
import type { Grant, Holding, LimitAuthority, Want } from './authority.ts'
import { type Charge, type ChargeState, type Limiter, LimiterUnavailable } from './limiter.ts'
import { createRecalls } from './redis-recalls.ts'
import { chargeScript, giveBackScript, type Script } from './redis-script.ts'

/** Limits that all nodes share, and tokens of them in advance. Every answer is one round trip, but for a recall. */
export interface RedisLimiter extends Limiter, LimitAuthority {
  charge(charges: readonly Charge[]): Promise<readonly ChargeState[]>
  peek(charges: readonly Charge[]): Promise<readonly ChargeState[]>
  /** Charges a counter of its own, to see whether requests could be charged. */
  probe(): Promise<void>
}

export interface RedisLimiterOptions {
  readonly commands: RedisClient
  /** A connection of its own for what nodes tell each other; without it nothing can be called back. */
  readonly subscriber?: RedisClient
  /** What keys and channels begin with. */
  readonly prefix: string
  /** How long a refusal waits for other nodes to give back what they have. */
  readonly recallMs?: number
}

/**
 * Counts with a script, so that all limits of a request are checked and charged in one step, and by the server's clock.
 * Why not with rate-limiter-flexible: docs/decisions/0011-limits-on-redis.md.
 *
 * All keys begin with `{prefix}`, so that a cluster keeps them in one slot: one step can't span two. Buckets are ids,
 * addresses and routes; no key of a caller is ever part of a name.
 */
export function createRedisLimiter({
  commands,
  subscriber,
  prefix,
  recallMs = 100,
}: RedisLimiterOptions): RedisLimiter {
  const start = `{${prefix}}:limit:`
  const channels = { recall: `{${prefix}}:recall`, back: `{${prefix}}:back` }
  const recalls = createRecalls({ subscriber, channels, keyStart: start, waitMs: recallMs })
  const keyOf = ({ limit, bucket }: { limit: string; bucket: string }): string => `${start}${limit}:${bucket}`

  const run = async (script: Script, keys: readonly string[], args: readonly (string | number)[]) => {
    try {
      return await commands.evalsha(script.sha, keys.length, ...keys, ...args)
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      if (!why.startsWith('NOSCRIPT')) throw new LimiterUnavailable(why, { cause: error })
    }
    try {
      return await commands.eval(script.text, keys.length, ...keys, ...args)
    } catch (error) {
      throw new LimiterUnavailable(error instanceof Error ? error.message : String(error), { cause: error })
    }
  }

  const count = async (mode: 'charge' | 'peek', charges: readonly Charge[]): Promise<ChargeState[]> => {
    if (charges.length === 0) return []
    const args: (string | number)[] = [mode]
    for (const charge of charges) args.push(charge.requests, charge.windowMs, costOf(charge))
    const answer = numbers(await run(chargeScript, charges.map(keyOf), args), 3 * charges.length)
    return charges.map((charge, index) => stateOf(charge, answer, 3 * index))
  }

  const takeOnce = async (wants: readonly Want[]): Promise<Taken> => {
    const args: (string | number)[] = ['take', channels.recall, channels.back]
    for (const want of wants) {
      args.push(
        want.requests,
        want.windowMs,
        costOf(want),
        want.waiting,
        want.extra,
        want.window,
        want.covered,
        want.spent,
      )
    }
    const answer = numbers(await run(chargeScript, wants.map(keyOf), args), 6 * wants.length)
    const missing: string[] = []
    const refused = wants.some((_, index) => answer[6 * index] !== 1)
    const grants = wants.map((want, index): Grant => {
      const at = 6 * index
      const others = Number(answer[at + 5])
      if (others > 0) missing.push(keyOf(want))
      const state = stateOf(want, answer, at)
      const window = String(answer[at + 4])
      return {
        ...state,
        returned: refused && window === want.window ? want.covered : 0,
        granted: Number(answer[at + 3]),
        final: state.exceeded && others === 0,
        window,
      }
    })
    return { grants, missing }
  }

  const giveBack = async (all: readonly Holding[]): Promise<void> => {
    // Every node hears of every recall: those that hold nothing have nothing to say here.
    const holdings = all.filter(({ window }) => window !== '')
    if (holdings.length === 0) return
    const args: (string | number)[] = [channels.back]
    for (const { window, tokens, spent } of holdings) args.push(window, tokens, spent)
    await run(giveBackScript, holdings.map(keyOf), args)
  }

  return {
    charge: (charges) => count('charge', charges),
    peek: (charges) => count('peek', charges),
    async take(wants) {
      if (!wants.some(mayBeHeld)) {
        const states = await count('charge', wants)
        return states.map((state) => ({ ...state, granted: 0, returned: 0, final: state.exceeded, window: '' }))
      }
      const first = await takeOnce(wants)
      if (first.missing.length === 0 || !recalls.worthWaiting(first.missing)) return first.grants
      // What it pays with others may need as well: two that wait for each other would wait in vain.
      const paid = wants.map((want, index) => ({ ...want, tokens: first.grants[index]?.returned ?? 0, spent: 0 }))
      await Promise.all([giveBack(paid.filter(({ tokens }) => tokens > 0)), recalls.wait(first.missing)])
      // What was told with the first call must not be told again.
      const second = await takeOnce(wants.map((want) => ({ ...want, covered: 0, spent: 0 })))
      recalls.gaveUp(second.missing)
      return second.grants
    },
    giveBack,
    onRecall: (listener) => recalls.listen(listener),
    async probe() {
      await count('charge', [
        { limit: '', bucket: 'probe', requests: Number.MAX_SAFE_INTEGER, windowMs: 1000, cost: 1 },
      ])
    },
    async close() {
      recalls.close()
      commands.disconnect()
      subscriber?.disconnect()
    },
  }
}

interface Taken {
  readonly grants: readonly Grant[]
  /** Counters that would have had room, had other nodes not held tokens of them. */
  readonly missing: readonly string[]
}

const mayBeHeld = ({ lease, extra, window }: Want): boolean => lease === true || extra > 0 || window !== ''

/** A cost that is no number does not fit. */
const costOf = ({ cost }: Charge): number => (Number.isSafeInteger(cost) && cost >= 0 ? cost : -1)

function stateOf({ limit, requests, windowMs }: Charge, answer: readonly unknown[], at: number): ChargeState {
  return {
    limit,
    requests,
    windowMs,
    remaining: Math.max(0, requests - Number(answer[at + 1])),
    resetMs: Number(answer[at + 2]),
    exceeded: answer[at] !== 1,
  }
}

function numbers(reply: unknown, length: number): readonly unknown[] {
  if (Array.isArray(reply) && reply.length === length) return reply
  throw new LimiterUnavailable('Redis has answered something else than the script does')
}
