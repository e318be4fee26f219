import { Worker } from 'node:worker_threads'
import { beside } from '../../beside.ts'
import { createQueue } from '../queue.ts'
import type { StatementRows } from '../sql/engine.ts'
import type { RequestStatements } from '../sql/request-writes.ts'
import { type PackedRequests, type RequestWrite, StoreUnavailable } from '../store.ts'
import { toStoreError } from './errors.ts'
import { openedId, type ThreadData, type ThreadReply, type ThreadRequest } from './messages.ts'

/** The writing connection in its thread, seen from the thread that carries traffic. */
export interface DatabaseThread {
  /** Waits for its turn, starting the thread where there is none. Whoever gets it must release it. */
  lease(): Promise<Lease>
  /**
   * Lets those that wait finish, closes the database and ends the thread. Later calls get StoreUnavailable, and so do those
   * that a locked file or a slow disk has kept waiting for too long.
   */
  close(): Promise<void>
}

/**
 * The connection, for one holder at a time. All reject with StoreUnavailable or StoreConflict. A lease dies with its thread: a
 * transaction that began before must not go on in another one.
 */
export interface Lease {
  query(sql: string, parameters: readonly unknown[]): Promise<Answer>
  /** Runs the statement for each row of parameters in one transaction. @returns how many rows changed. */
  many(sql: string, rows: readonly (readonly unknown[])[]): Promise<number>
  /** Runs several in one transaction. @returns the indexes of rows of the first that changed nothing; if any, nothing is written. */
  batch(statements: readonly StatementRows[]): Promise<readonly number[]>
  /** Writes rows of the request log in one transaction. */
  writeRequests(write: RequestWrite, parts: readonly PackedRequests[]): Promise<void>
  /** Never rejects: with the thread gone there is nothing left to roll back. */
  rollback(): Promise<void>
  release(): void
}

interface Answer {
  readonly rows: readonly unknown[]
  readonly changes: number
}

export interface ThreadOptions {
  /** A call that takes longer ends the thread: what hangs there must not hang all that come after. */
  readonly callTimeoutMs?: number
  /** After a failed start, how long calls are refused before the next try. */
  readonly retryAfterMs?: number
  /** How long `close` lets those finish that wait. */
  readonly closeWithinMs?: number
  /** Asked before each lease; throws StoreUnavailable where the database must not be used now. */
  readonly check?: () => void
  /** Asked when the thread starts; left out, it can't write requests. */
  readonly requests?: () => RequestStatements
}

/**
 * Starts when first used, and again when it has died. While it has nothing to do it does not keep the process alive.
 * @param path of a database file in an existing folder.
 */
export function createThread(
  path: string,
  { callTimeoutMs = 30_000, retryAfterMs = 500, closeWithinMs = 5000, check = () => {}, requests }: ThreadOptions = {},
): DatabaseThread {
  const queue = createQueue(2000)
  let running: Running | undefined
  let refusedUntil = 0
  let closed = false

  let ended = false

  const ready = async (): Promise<Running> => {
    if (ended) throw new StoreUnavailable('the store is closed')
    if (running && !running.dead) return running
    if (performance.now() < refusedUntil) throw new StoreUnavailable('the store is being restarted')
    const started = startWorker({ path, requests: requests?.() }, callTimeoutMs)
    try {
      await started.opened
    } catch (error) {
      refusedUntil = performance.now() + retryAfterMs
      throw error
    }
    running = started
    return started
  }

  return {
    async lease() {
      if (closed) throw new StoreUnavailable('the store is closed')
      const leave = await queue.enter()
      try {
        check()
        return leaseOf(await ready(), leave)
      } catch (error) {
        leave()
        throw error
      }
    },
    async close() {
      if (closed) return
      closed = true
      const deadline = setTimeout(() => {
        ended = true
        running?.end(`it was closed, and has not finished within ${closeWithinMs} ms`)
      }, closeWithinMs)
      const leave = await queue.enter(true)
      try {
        if (running && !running.dead) await running.close()
      } finally {
        clearTimeout(deadline)
        leave()
      }
    },
  }
}

function leaseOf(worker: Running, release: () => void): Lease {
  return {
    query: (sql, parameters) => worker.call((id) => ({ id, op: 'query', sql, parameters })),
    async many(sql, rows) {
      const { changes } = await worker.call((id) => ({ id, op: 'many', sql, rows }))
      return changes
    },
    async batch(statements) {
      const { rows } = await worker.call((id) => ({ id, op: 'batch', statements }))
      return rows.map(Number)
    },
    async writeRequests(write, parts) {
      // Copied: what came from another process lies in a larger buffer, all of which would be sent.
      const own = parts.map((part) => new Uint8Array(part))
      await worker.call((id) => ({ id, op: 'requests', write, parts: own }))
    },
    async rollback() {
      await worker.call((id) => ({ id, op: 'rollback' })).catch(() => undefined)
    },
    release,
  }
}

interface Running {
  readonly dead: boolean
  /** Settles when the database is open. */
  readonly opened: Promise<Answer>
  call(request: (id: number) => ThreadRequest): Promise<Answer>
  /** At once, whatever it is doing. */
  end(why: string): void
  close(): Promise<void>
}

interface Pending {
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: Error) => void
  readonly timer: NodeJS.Timeout
}

function startWorker(workerData: ThreadData, callTimeoutMs: number): Running {
  const worker = new Worker(beside(import.meta.url, './worker'), { workerData, name: 'store' })
  const pending = new Map<number, Pending>()
  let nextId = openedId
  let dead = false
  const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()))

  const die = (why: string): void => {
    dead = true
    const error = new StoreUnavailable(`the store can't answer: ${why}`)
    for (const { reject, timer } of pending.values()) {
      clearTimeout(timer)
      reject(error)
    }
    pending.clear()
  }

  const end = (why: string): void => {
    die(why)
    void worker.terminate()
  }

  const expect = (id: number): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => end(`no answer within ${callTimeoutMs} ms`), callTimeoutMs)
      pending.set(id, { resolve, reject, timer })
      worker.ref()
    })

  worker.on('message', (reply: ThreadReply) => {
    const waiting = pending.get(reply.id)
    if (!waiting) return
    pending.delete(reply.id)
    clearTimeout(waiting.timer)
    if (pending.size === 0) worker.unref()
    if ('error' in reply) waiting.reject(toStoreError(reply.error))
    else waiting.resolve(reply)
  })
  worker.on('error', (error) => die(error instanceof Error ? error.message : String(error)))
  worker.on('messageerror', () => die('a message was lost'))
  worker.on('exit', () => die('its thread has ended'))

  const call = async (request: (id: number) => ThreadRequest): Promise<Answer> => {
    if (dead) throw new StoreUnavailable("the store can't answer: its thread has ended")
    const message = request(nextId++)
    // First this: it throws on what can't be sent, and then nothing must wait for an answer.
    worker.postMessage(message)
    return expect(message.id)
  }

  const opened = expect(nextId++)
  return {
    get dead() {
      return dead
    },
    opened,
    call,
    end,
    async close() {
      await call((id) => ({ id, op: 'close' }))
      worker.ref()
      await exited
    },
  }
}
