import { LimiterUnavailable } from '../limiter/limiter.ts'
import { StoreConflict, StoreMissing, StoreUnavailable } from '../store/store.ts'

/** What one process answers to the other: each takes one value and returns one, all of them plain data. */
// biome-ignore lint/suspicious/noExplicitAny: the values are those of each function
export type Api = Record<string, (body: any) => any>

/** The other process, as functions that are answered there. */
export interface Peer<Remote extends Api> {
  /**
   * Rejects as the other side does: what the store and the limiter throw as itself, everything else as Error.
   * Rejects with `PeerSilent` after `withinMs`, with `PeerGone` once the other process is gone, and at once with
   * `PeerSilent` when it reads so slowly that messages pile up here.
   */
  call<Name extends keyof Remote & string>(
    name: Name,
    body: Parameters<Remote[Name]>[0],
    withinMs?: number,
  ): Promise<Awaited<ReturnType<Remote[Name]>>>
  /** The same without an answer. @returns false when it is lost, since the other process is gone or does not read. */
  tell<Name extends keyof Remote & string>(name: Name, body: Parameters<Remote[Name]>[0]): boolean
  /** Nothing is answered any more; what waits rejects. */
  close(): void
}

/** One end of the channel between a process and one that it has started. Messages arrive whole and in order. */
export interface Port {
  /**
   * @param written called when the kernel has it, or when it is lost for good.
   * @returns false when it has to wait here behind others.
   */
  send(message: Message, written: () => void): boolean
  onMessage(listener: (message: Message) => void): void
}

export type Message =
  | { readonly call: number; readonly name: string; readonly body: unknown }
  | { readonly tell: string; readonly body: unknown }
  | { readonly answer: number; readonly value: unknown }
  | { readonly answer: number; readonly error: SentError }

/** `code`, `address` and `port` as Node's own errors have them. */
interface SentError {
  readonly name: string
  readonly message: string
  readonly field?: string
  readonly code?: string
  readonly address?: string
  readonly port?: number
}

/** The other process is there, and has not answered in time. */
export class PeerSilent extends Error {
  override readonly name = 'PeerSilent'
}

/** The other process has ended. Whoever asks for the store is told that it does not answer. */
export class PeerGone extends StoreUnavailable {
  constructor() {
    super('the other process is gone')
  }
}

/** @param own what this side answers. @param failed told of a `tell` that has thrown: nobody waits for it. */
export function createPeer<Remote extends Api>(
  port: Port,
  own: Api,
  failed: (name: string, error: unknown) => void,
): Peer<Remote> {
  const waiting = new Map<number, Waiting>()
  let next = 1
  /** Messages that wait in this process: the other one does not read. */
  let stuck = 0
  let closed = false

  const send = (message: Message): void => {
    let written = false
    let counted = false
    const waits = !port.send(message, () => {
      written = true
      if (counted) stuck--
    })
    if (!waits || written) return
    counted = true
    stuck++
  }

  const answer = async (id: number, name: string, body: unknown): Promise<void> => {
    try {
      const value = await find(own, name)(body)
      send({ answer: id, value })
    } catch (error) {
      send({ answer: id, error: describe(error) })
    }
  }

  const heed = async (name: string, body: unknown): Promise<void> => {
    try {
      await find(own, name)(body)
    } catch (error) {
      failed(name, error)
    }
  }

  port.onMessage((message) => {
    if (closed) return
    if ('call' in message) void answer(message.call, message.name, message.body)
    else if ('tell' in message) void heed(message.tell, message.body)
    else {
      const one = waiting.get(message.answer)
      if (one === undefined) return
      waiting.delete(message.answer)
      clearTimeout(one.timer)
      if ('error' in message) one.reject(revive(message.error))
      else one.resolve(message.value)
    }
  })

  /** What comes too late because this process itself stood still may be here already, and only not read. */
  const awaitAnswer = (id: number, name: string, withinMs: number, graceMs = 0): NodeJS.Timeout => {
    const dueAt = performance.now() + withinMs
    const late = (): void => {
      const one = waiting.get(id)
      if (one === undefined) return
      if (graceMs === 0 && performance.now() - dueAt > stoodStillMs) {
        one.timer = awaitAnswer(id, name, stoodStillGraceMs, stoodStillGraceMs)
        return
      }
      waiting.delete(id)
      one.reject(new PeerSilent(`${name} was not answered within ${withinMs} ms`))
    }
    return setTimeout(late, withinMs).unref()
  }

  return {
    call(name, body, withinMs = answerWithinMs) {
      if (closed) return Promise.reject(new PeerGone())
      if (stuck >= stuckMax)
        return Promise.reject(new PeerSilent(`${name} was not sent: earlier messages are not read`))
      if (waiting.size >= waitingMax) return Promise.reject(new PeerSilent('too many calls wait for an answer'))
      return new Promise((resolve, reject) => {
        const id = next++
        const timer = awaitAnswer(id, name, withinMs)
        waiting.set(id, { resolve: resolve as Waiting['resolve'], reject, timer })
        try {
          send({ call: id, name, body })
        } catch (error) {
          // What can't be sent at all, a function for example.
          waiting.delete(id)
          clearTimeout(timer)
          reject(error)
        }
      })
    },
    tell(name, body) {
      if (closed || stuck >= stuckMax) return false
      send({ tell: name, body })
      return true
    },
    close() {
      closed = true
      for (const { reject, timer } of waiting.values()) {
        clearTimeout(timer)
        reject(new PeerGone())
      }
      waiting.clear()
    },
  }
}

interface Waiting {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
  timer: NodeJS.Timeout
}

function find(own: Api, name: string): Api[string] {
  const found = Object.hasOwn(own, name) ? own[name] : undefined
  if (found === undefined) throw new Error(`there is no ${JSON.stringify(name)} here`)
  return found
}

function describe(error: unknown): SentError {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error) }
  const { name, message } = error
  const { code, address, port } = error as NodeJS.ErrnoException & { address?: string; port?: number }
  return {
    ...{ name, message },
    ...((error instanceof StoreConflict || error instanceof StoreMissing) && { field: error.field }),
    ...(typeof code === 'string' && { code }),
    ...(typeof address === 'string' && { address }),
    ...(typeof port === 'number' && { port }),
  }
}

function revive({ name, message, field = '', ...rest }: SentError): Error {
  switch (name) {
    case 'StoreUnavailable':
      return new StoreUnavailable(message)
    case 'StoreConflict':
      return new StoreConflict(field)
    case 'StoreMissing':
      return new StoreMissing(field)
    case 'LimiterUnavailable':
      return new LimiterUnavailable(message)
    default:
      return Object.assign(new Error(message), rest)
  }
}

const answerWithinMs = 30_000
const waitingMax = 10_000
/** Behind what the kernel holds, which is some hundred kilobytes. */
const stuckMax = 500
const stoodStillMs = 50
const stoodStillGraceMs = 100
