import { StoreConflict, StoreMissing, StoreUnavailable } from '../store/store.ts'

/** What one process answers to the other: each takes one value and returns one, all of them plain data. */
// biome-ignore lint/suspicious/noExplicitAny: the values are those of each function
export type Api = Record<string, (body: any) => any>

/** The other process, as functions that are answered there. */
export interface Peer<Remote extends Api> {
  /**
   * Rejects as the other side does: StoreUnavailable, StoreConflict and StoreMissing as themselves, everything else as Error.
   * Rejects with `PeerSilent` after `withinMs`, and with StoreUnavailable once the other process is gone.
   */
  call<Name extends keyof Remote & string>(
    name: Name,
    body: Parameters<Remote[Name]>[0],
    withinMs?: number,
  ): Promise<Awaited<ReturnType<Remote[Name]>>>
  /** The same without an answer. What can't be delivered is lost. */
  tell<Name extends keyof Remote & string>(name: Name, body: Parameters<Remote[Name]>[0]): void
  /** Nothing is answered any more; what waits rejects. */
  close(): void
}

/** One end of the channel between a process and one that it has started. Messages arrive whole and in order. */
export interface Port {
  send(message: Message): void
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

/** @param own what this side answers. @param failed told of a `tell` that has thrown: nobody waits for it. */
export function createPeer<Remote extends Api>(
  port: Port,
  own: Api,
  failed: (name: string, error: unknown) => void,
): Peer<Remote> {
  const waiting = new Map<number, Waiting>()
  let next = 1
  let closed = false

  const answer = async (id: number, name: string, body: unknown): Promise<void> => {
    try {
      const value = await find(own, name)(body)
      port.send({ answer: id, value })
    } catch (error) {
      port.send({ answer: id, error: describe(error) })
    }
  }

  port.onMessage((message) => {
    if (closed) return
    if ('call' in message) void answer(message.call, message.name, message.body)
    else if ('tell' in message) {
      try {
        find(own, message.tell)(message.body)
      } catch (error) {
        failed(message.tell, error)
      }
    } else {
      const one = waiting.get(message.answer)
      waiting.delete(message.answer)
      clearTimeout(one?.timer)
      if ('error' in message) one?.reject(revive(message.error))
      else one?.resolve(message.value)
    }
  })

  return {
    call(name, body, withinMs = answerWithinMs) {
      if (closed) return Promise.reject(gone())
      if (waiting.size >= waitingMax) return Promise.reject(new StoreUnavailable('too many calls wait for an answer'))
      return new Promise((resolve, reject) => {
        const id = next++
        const timer = setTimeout(() => {
          waiting.delete(id)
          reject(new PeerSilent(`${name} was not answered within ${withinMs} ms`))
        }, withinMs)
        timer.unref()
        waiting.set(id, { resolve: resolve as Waiting['resolve'], reject, timer })
        port.send({ call: id, name, body })
      })
    },
    tell(name, body) {
      if (!closed) port.send({ tell: name, body })
    },
    close() {
      closed = true
      for (const { reject, timer } of waiting.values()) {
        clearTimeout(timer)
        reject(gone())
      }
      waiting.clear()
    },
  }
}

interface Waiting {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
  readonly timer: NodeJS.Timeout
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
    default:
      return Object.assign(new Error(message), rest)
  }
}

const gone = (): Error => new StoreUnavailable('the other process is gone')
const answerWithinMs = 30_000
const waitingMax = 10_000
