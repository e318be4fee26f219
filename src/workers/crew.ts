import { setTimeout as wait } from 'node:timers/promises'
import type { Address } from '../config/schema.ts'
import type { Events } from '../events.ts'
import type { LimitAuthority } from '../limiter/authority.ts'
import { createCounts } from './counts.ts'
import type { Child } from './fork.ts'
import { createPeer, type Peer, PeerGone, PeerSilent } from './peer.ts'
import type { SharedApi } from './primary-api.ts'
import type { PrimaryApi, SharedPlan, WorkerApi, WorkerReport } from './protocol.ts'

/** What every worker is to be like; a change holds for those that start later, and for those that are starting. */
export interface Wanted {
  plan: SharedPlan
  /** Undefined until there is one. */
  address: Address | undefined
  /** On the clock of `performance.now`: all changes from before have been told. */
  syncedAt: number
  draining: boolean
  /** None is started any more. */
  closing: boolean
}

export interface CrewOptions {
  readonly size: number
  readonly fork: () => Child
  readonly wanted: Readonly<Wanted>
  readonly api: SharedApi
  /** What a worker spends from; undefined where it counts without its primary. Closed when it is gone. */
  readonly limits: (() => LimitAuthority) | undefined
  readonly events: Pick<Events, 'workerStarted' | 'workerEnded' | 'fault'>
}

export interface Member {
  /** From 1; whoever replaces it has the same. */
  readonly slot: number
  readonly child: Child
  readonly peer: Peer<WorkerApi>
  readonly exited: Promise<void>
  readonly startedAt: number
  /** `failed`: never became ready. `leaving`: is to end. `silent`: did not answer, and is being killed. */
  state: 'starting' | 'ready' | 'leaving' | 'silent' | 'failed'
  /** It may have connections: what is promised of requests is asked of it too. */
  carries: boolean
  /** The last version of the plan that it has built. */
  prepared: number
  /** Resolves when it has left. */
  left: Promise<void> | undefined
  report: WorkerReport
}

/**
 * The worker processes: each place is taken by one that is ready or about to be. One that ends by itself is replaced; one
 * that does not answer in time is ended first, so that what is promised for all never waits for long.
 */
export function createCrew({ size, fork, wanted, api, limits, events }: CrewOptions) {
  const members = new Set<Member>()
  const slots = Array.from({ length: size }, (_, at) => at + 1)
  const counts = createCounts()
  const filling = new Set<number>()
  let failuresInRow = 0

  const ready = (): Member[] => [...members].filter(({ state }) => state === 'ready')
  const carrying = (): Member[] =>
    [...members].filter(
      ({ carries, state }) => state === 'ready' || state === 'leaving' || (carries && state === 'starting'),
    )
  const inSlot = (slot: number): Member | undefined =>
    [...members].find((member) => member.slot === slot && (member.state === 'ready' || member.state === 'starting'))

  /** @returns one that is ready, and like all others. @throws when it did not get so far; then nothing is left of it. */
  const add = async (slot: number): Promise<Member> => {
    const member = open(slot)
    const { peer, child } = member
    try {
      await member.hello
      let { plan } = wanted
      await peer.call('start', { worker: slot, plan }, startWithinMs)
      // Everything was read anew: it knows what was committed until now.
      peer.tell('synced', performance.now() - wanted.syncedAt)
      if (wanted.draining) peer.tell('drain', undefined)
      let listensTo: Address | undefined
      while (plan !== wanted.plan || listensTo !== wanted.address) {
        if (wanted.closing && !member.carries) throw new Error('workers are no longer wanted')
        if (plan !== wanted.plan) {
          plan = wanted.plan
          await peer.call('prepare', plan, startWithinMs)
          await peer.call('apply', plan.version, startWithinMs)
        } else if (wanted.address !== undefined) {
          listensTo = wanted.address
          member.carries = true
          await peer.call('listen', listensTo, startWithinMs)
        }
      }
    } catch (error) {
      if (member.state === 'starting') member.state = 'failed'
      child.kill()
      await member.exited
      throw error
    }
    if (member.state === 'starting') {
      member.state = 'ready'
      events.workerStarted(slot, child.pid)
    }
    return member
  }

  const open = (slot: number): Member & { readonly hello: Promise<void> } => {
    const child = fork()
    const authority = limits?.()
    const exited = Promise.withResolvers<void>()
    const hello = Promise.withResolvers<void>()
    const late = setTimeout(hello.reject, startWithinMs, new PeerSilent('the process has not begun to listen to us'))
    hello.promise.catch(() => {}).finally(() => clearTimeout(late))
    const own: PrimaryApi = {
      ...api,
      take: async (wants) => limitsOf(authority).take(wants),
      peek: async (charges) => limitsOf(authority).peek(charges),
      giveBack: async (holdings) => limitsOf(authority).giveBack(holdings),
      failed(addresses) {
        for (const other of members) if (other !== member) tell(other, 'failed', addresses)
      },
      report(report) {
        member.report = report
      },
      hello: hello.resolve,
    }
    const member: Member & { readonly hello: Promise<void> } = {
      ...{ slot, child, exited: exited.promise, hello: hello.promise },
      ...{ state: 'starting', carries: false, prepared: 0, left: undefined, report: noReport },
      startedAt: performance.now(),
      peer: createPeer<WorkerApi>(child.port, own, (name, error) => events.fault(`worker ${name}`, error)),
    }
    authority?.onRecall((counters) => tell(member, 'recall', counters))
    members.add(member)
    child.onExit((how) => {
      members.delete(member)
      const counted = counts.depart(member.report.metrics)
      member.peer.close()
      hello.reject(new PeerGone())
      exited.resolve()
      // What it held stays spent: nobody knows how much of it was.
      void authority?.close().catch((error) => events.fault('limits of a worker', error))
      void counted.catch((error) => events.fault('metrics of a worker', error))
      ended(member, how)
    })
    return member
  }

  const ended = ({ slot, state, startedAt }: Member, how: string): void => {
    if (state === 'failed') return
    if (state === 'leaving' || wanted.closing) return events.workerEnded(slot, 'stopped', how)
    events.workerEnded(slot, state === 'silent' ? 'silent' : 'crashed', how)
    // Whoever has it started tries again.
    if (state === 'starting') return
    failuresInRow = performance.now() - startedAt < soundAfterMs ? failuresInRow + 1 : 0
    void fill(slot)
  }

  /** Until somebody is in this place; at once at first, and less and less often while none stays. */
  const fill = async (slot: number): Promise<void> => {
    if (filling.has(slot)) return
    filling.add(slot)
    for (;;) {
      const inMs = failuresInRow === 0 ? 0 : Math.min(restartFirstMs * 2 ** (failuresInRow - 1), restartMaxMs)
      if (inMs > 0) await wait(inMs, undefined, { ref: false })
      if (wanted.closing || inSlot(slot)) break
      await add(slot).catch((error: unknown) => {
        failuresInRow++
        if (!wanted.closing) events.fault('starting a worker', error)
      })
    }
    filling.delete(slot)
  }

  /** It has not answered, or does not read: nobody knows what it does, so it must not go on. Another takes its place. */
  const end = async (member: Member): Promise<void> => {
    if (member.state !== 'failed') member.state = 'silent'
    member.child.kill()
    await member.exited
  }

  /** One who does not get this is ended: a message that it has missed may have been about a key that was revoked. */
  const tell = <Name extends keyof WorkerApi>(
    member: Member,
    name: Name,
    body: Parameters<WorkerApi[Name]>[0],
  ): void => {
    if (!member.peer.tell(name, body) && members.has(member)) void end(member)
  }

  /** Calls each that may have connections. One that does not do it within the time is ended. */
  const askAll = async <Name extends keyof WorkerApi>(
    name: Name,
    body: Parameters<WorkerApi[Name]>[0],
    withinMs: number,
  ): Promise<void> => {
    await Promise.all(carrying().map((member) => member.peer.call(name, body, withinMs).catch(() => end(member))))
  }

  /** Lets it finish what is under way in the time that the file gives, and stops it. */
  const leave = (member: Member): Promise<void> => {
    member.state = 'leaving'
    const go = async (): Promise<void> => {
      member.peer.tell('drain', undefined)
      const { drain_timeout } = wanted.plan.config.timeouts
      await member.peer.call('close', undefined, drain_timeout).catch(() => undefined)
      await member.peer.call('abortAll', undefined, silentAfterMs).catch(() => undefined)
      await stop(member)
    }
    member.left ??= go()
    return member.left
  }

  const stop = async (member: Member): Promise<void> => {
    // One that is not listening to us yet has nothing to lose.
    if (member.state === 'starting' && !member.carries) member.child.kill()
    if (member.state !== 'silent') member.state = 'leaving'
    const late = setTimeout(() => member.child.kill(), endWithinMs)
    const report = await member.peer.call('end', undefined, endWithinMs).catch(() => undefined)
    if (report) member.report = report
    member.peer.tell('exit', undefined)
    await member.exited
    clearTimeout(late)
  }

  const replace = async (slot: number): Promise<void> => {
    const old = inSlot(slot)
    // Nobody there, or only about to be: whoever fills the place makes a new one.
    if (old?.state !== 'ready' || wanted.closing || wanted.draining) return
    try {
      await add(slot)
    } catch (error) {
      events.fault('replacing a worker', error)
      void fill(slot)
      throw error
    }
    if (old.state === 'ready') await leave(old)
  }

  const checkUp = setInterval(() => void askAll('settle', undefined, sickAfterMs), checkEveryMs).unref()

  return {
    members,
    ready,
    carrying,
    askAll,
    end,
    tellAll<Name extends keyof WorkerApi>(name: Name, body: Parameters<WorkerApi[Name]>[0]): void {
      for (const member of members) tell(member, name, body)
    },
    startAll: () => Promise.all(slots.map(add)),
    /** One after the other. @throws when one can't be started; the old one goes on. */
    async replaceAll() {
      for (const slot of slots) await replace(slot)
    },
    /** Also of those that have ended. */
    metrics: () => [...counts.all(), ...[...members].map(({ report }) => report.metrics)],
    async stopAll() {
      clearInterval(checkUp)
      await Promise.all([...members].map(stop))
    },
  }
}

function limitsOf(authority: LimitAuthority | undefined): LimitAuthority {
  if (authority === undefined) throw new Error('limits are not counted by the primary')
  return authority
}

const noReport: WorkerReport = { inFlight: 0, metrics: [], targetsUp: new Map() }

/** What it has not answered by then it does not answer: callers wait for it. */
export const silentAfterMs = 500
/** The same where nobody waits. */
const sickAfterMs = 5000
const checkEveryMs = 5000
export const startWithinMs = 30_000
const endWithinMs = 7000
const soundAfterMs = 5000
const restartFirstMs = 100
const restartMaxMs = 10_000
