import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { eventually } from '../helpers/eventually.ts'
import { type KillStage, openStage, type StageOptions, type Victim } from './kill-stage.ts'

export interface KillOptions extends StageOptions {
  readonly rounds: number
  readonly progress?: (line: string) => void
}

/** What was seen while processes were killed with SIGKILL at random moments under load. */
export interface KillReport {
  readonly kills: Readonly<Partial<Record<Victim, number>>>
  readonly keysMade: number
  readonly keysRevoked: number
  readonly requestsAnswered: number
  /** Of requests that were answered, those without a row; and how far from the kill that took it one was answered, at most. */
  readonly rowsLost: number
  readonly lostBeforeKillMs: number
  /** How long rows took to be seen in the store, at worst, after everything worked again: what the machine makes of 200 ms. */
  readonly loggedWithinMs: number
  /** Workers answer until they notice that their primary is dead. */
  readonly lostAfterKillMs: number
  /** From a kill until everything works again, at worst. */
  readonly recoveredWithinMs: number
  /** What must not be, in words. Empty when all is well. */
  readonly faults: readonly string[]
}

interface Key {
  readonly id: string
  readonly raw: string
  /** `unsure`: the answer to its revocation was lost. */
  state: 'active' | 'unsure' | 'revoked'
}

/** Kills one process after another, of all kinds in turn and in random order, and looks for what was acknowledged and is lost. */
export async function killAtRandom({ rounds, progress = () => {}, ...options }: KillOptions): Promise<KillReport> {
  await using stage = await openStage(options)
  const keys: Key[] = []
  const answered = new Map<string, number>()
  const faults = new Set<string>()
  const killedAt: { readonly victim: Victim; readonly at: number }[] = []
  const kills: Partial<Record<Victim, number>> = {}
  let recoveredWithinMs = 0
  let loggedWithinMs = 0
  let stopped = false

  const path = `/organizations/${stage.organizationId}/api-keys`
  const makeKeys = async (): Promise<void> => {
    while (!stopped) {
      try {
        const { status, body } = await stage.api<Made>('POST', path, { name: randomUUID() })
        if (status === 201) keys.push({ id: body.key.id, raw: body.raw_key, state: 'active' })
        else if (status !== 503) faults.add(`a key was asked for, and the answer was ${status}`)
        const one = keys.length % 3 === 0 ? keys[Math.floor(Math.random() * keys.length)] : undefined
        if (status === 201 && one?.state === 'active') await revoke(one)
        if (status !== 201) await pause(20)
      } catch {
        await pause(20)
      }
    }
  }
  const revoke = async (key: Key): Promise<void> => {
    key.state = 'unsure'
    const { status } = await stage.api('POST', `${path}/${key.id}/revoke`)
    if (status === 200) key.state = 'revoked'
    else if (status !== 503) faults.add(`a key was to be revoked, and the answer was ${status}`)
  }
  const sendWithKeys = async (): Promise<void> => {
    while (!stopped) {
      const key = keys[Math.floor(Math.random() * keys.length)]
      if (key === undefined) {
        await pause(20)
        continue
      }
      const before = key.state
      const id = randomUUID()
      const status = await stage.use(key.raw, id)
      if (status !== 0) answered.set(id, performance.now())
      if (before === 'revoked' && status !== 401 && status !== 503 && status !== 0)
        faults.add(`a revoked key was answered ${status}`)
      if (key.state === 'active' && status !== 200 && status !== 503 && status !== 0)
        faults.add(`a good key was answered ${status}`)
      if (status !== 200) await pause(5)
    }
  }

  /** All of it works: keys, changes, and the log of every worker has caught up. */
  const working = async (): Promise<void> => {
    await eventually(
      'everything to work again',
      async () => {
        const { status, body } = await stage.api<Made>('POST', path, { name: randomUUID() })
        if (status !== 201) return false
        keys.push({ id: body.key.id, raw: body.raw_key, state: 'active' })
        return (await stage.use(body.raw_key, randomUUID())) === 200
      },
      { withinMs: 60_000, everyMs: 20 },
    )
    const [newest] = keys.slice(-1)
    const marks = Array.from({ length: 8 }, () => randomUUID())
    const statuses = await Promise.all(marks.map((mark) => stage.use(newest?.raw ?? '', mark)))
    const seen = marks.filter((_, at) => statuses[at] !== 0)
    const answeredAt = performance.now()
    await eventually(
      'the request log to be written',
      async () => {
        const rows = await stage.rowsOf(seen)
        return seen.every((mark) => rows.has(mark))
      },
      { withinMs: 30_000, everyMs: 20 },
    )
    loggedWithinMs = Math.max(loggedWithinMs, performance.now() - answeredAt)
  }

  const load = [makeKeys(), makeKeys(), sendWithKeys(), sendWithKeys(), sendWithKeys()]
  try {
    await working()
    let left: Victim[] = []
    for (let round = 1; round <= rounds; round++) {
      if (left.length === 0) left = shuffled(stage.victims)
      const victim = left.pop() as Victim
      await pause(Math.random() * 400)
      const startedAt = performance.now()
      killedAt.push({ victim, at: startedAt })
      await stage.kill(victim)
      await working()
      const tookMs = performance.now() - startedAt
      recoveredWithinMs = Math.max(recoveredWithinMs, tookMs)
      kills[victim] = (kills[victim] ?? 0) + 1
      progress(
        `${round}/${rounds} ${victim} killed, all well after ${Math.round(tookMs)} ms; ${keys.length} keys, ${answered.size} requests`,
      )
    }
  } finally {
    stopped = true
    await Promise.all(load)
  }

  await expectKeys(stage, keys, faults)
  await eventually('the last rows', async () => (await stage.queued()) === 0, { withinMs: 10_000 })
  const rows = await stage.rowsOf([...answered.keys()])
  const lost = [...answered].filter(([id]) => !rows.has(id)).map(([, at]) => sinceKill(at, killedAt))
  if (lost.some((ms) => Math.abs(ms) > nearMs)) faults.add('a row was lost though no process of the gateway was killed')
  const revoked = keys.filter(({ state }) => state === 'revoked').length
  return {
    kills,
    ...{ keysMade: keys.length, keysRevoked: revoked, requestsAnswered: answered.size, rowsLost: lost.length },
    lostBeforeKillMs: Math.round(Math.max(0, ...lost.map((ms) => -ms))),
    loggedWithinMs: Math.round(loggedWithinMs),
    lostAfterKillMs: Math.round(Math.max(0, ...lost)),
    recoveredWithinMs: Math.round(recoveredWithinMs),
    faults: [...faults],
  }
}

/** Every key that was answered with 201, and every revocation with 200, is there, and so is its event in a chain that holds. */
async function expectKeys(stage: KillStage, keys: readonly Key[], faults: Set<string>): Promise<void> {
  const waiting = [...keys]
  const look = async (): Promise<void> => {
    for (let key = waiting.pop(); key !== undefined; key = waiting.pop()) {
      const status = await stage.use(key.raw, randomUUID())
      const expected = key.state === 'unsure' ? [200, 401] : [key.state === 'active' ? 200 : 401]
      if (!expected.includes(status)) faults.add(`${key.id}, ${key.state}, was answered ${status} in the end`)
    }
  }
  await Promise.all([look(), look(), look(), look()])
  const { body } = await stage.api<{ valid: boolean }>('GET', '/events/verify')
  if (!body.valid) faults.add(`the chain of events does not hold: ${JSON.stringify(body)}`)
  const events = {
    created: await stage.targetsOf('api_key.created'),
    revoked: await stage.targetsOf('api_key.revoked'),
  }
  for (const { id, state } of keys) {
    if (!events.created.has(id)) faults.add(`${id} has no event of its creation`)
    if (state === 'revoked' && !events.revoked.has(id)) faults.add(`${id} has no event of its revocation`)
  }
}

/** From the nearest kill of a process of the gateway; below zero: before it. */
function sinceKill(at: number, kills: readonly { victim: Victim; at: number }[]): number {
  const distances = kills
    .filter(({ victim }) => victim === 'primary' || victim === 'worker')
    .map((kill) => at - kill.at)
    .sort((a, b) => Math.abs(a) - Math.abs(b))
  return distances[0] ?? Number.POSITIVE_INFINITY
}

const nearMs = 2000

interface Made {
  readonly key: { readonly id: string }
  readonly raw_key: string
}

function shuffled<Item>(items: readonly Item[]): Item[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item)
}
