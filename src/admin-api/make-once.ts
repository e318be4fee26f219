import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ErrorCode, ProblemExtras } from '../errors.ts'
import type { Store } from '../store/store.ts'
import { etagOf } from './etag.ts'
import { running, sealAnswer } from './kept-answer.ts'
import { refuse } from './refusals.ts'

/** What came of a request: its answer, or why nothing was made. */
export type Made = Success | Refusal

export interface Success {
  readonly status: 200 | 201 | 202
  /** As the schema of the route has it. */
  readonly body: object
  /** What the ETag stands for; left out: there is none. */
  readonly tagged?: object
  /** Called when it is committed. */
  readonly committed?: () => void
}

export interface Refusal {
  readonly refuse: ErrorCode
  readonly extras?: ProblemExtras
}

/**
 * Makes what the request asks for, and keeps the answer for repeats, in one transaction: however the process ends, there
 * are both or neither. The answer is made, and checked against its schema, before the commit.
 * @param make works on the store that it is given, and waits for nothing else: see `together`.
 */
export async function makeOnce(
  store: Pick<Store, 'together'>,
  request: FastifyRequest,
  reply: FastifyReply,
  make: (store: Store) => Promise<Made>,
): Promise<FastifyReply> {
  const mine = running.get(request)
  const keep = async (inner: Store): Promise<Sent> => {
    const made = await make(inner)
    if ('refuse' in made) throw new Undo(made)
    const { status, tagged, committed } = made
    const body = String(reply.code(status).serialize(made.body))
    const headers = { 'content-type': json, ...(tagged !== undefined && { etag: etagOf(tagged) }) }
    if (mine !== undefined) {
      const answer = sealAnswer(mine, { fingerprint: mine.fingerprint, status, headers, body })
      const isKept = await inner.finishIdempotent(mine.id, mine.lease, answer)
      if (!isKept) throw new Undo({ refuse: 'IDEMPOTENCY_CONFLICT', extras: { detail: takenOver } })
    }
    return { body, headers, committed }
  }
  const done = await store.together(keep).catch(whyUndone)
  if ('refuse' in done) return refuse(reply, done.refuse, done.extras)
  running.delete(request)
  done.committed?.()
  return reply.headers(done.headers).send(done.body)
}

interface Sent {
  readonly body: string
  readonly headers: Record<string, string>
  readonly committed: (() => void) | undefined
}

/** Rolls back whatever was written by then. */
class Undo extends Error {
  readonly refusal: Refusal
  constructor(refusal: Refusal) {
    super(refusal.refuse)
    this.refusal = refusal
  }
}

function whyUndone(error: unknown): Refusal {
  if (error instanceof Undo) return error.refusal
  throw error
}

const takenOver = 'A repeat of this request has taken over in the meantime. Repeat it for the answer.'
const json = 'application/json; charset=utf-8'
