import { createHash, hash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { jsonSchemaTransform } from 'fastify-type-provider-zod'
import { SealBroken } from '../keys/secret-box.ts'
import { canonicalJson } from '../store/event-chain.ts'
import { type AdminContext, type PlatformApp, principalOf } from './context.ts'
import { type Answer, openAnswer, type Running, running } from './kept-answer.ts'
import { withoutDeadSecret } from './kept-secrets.ts'
import { refuse } from './refusals.ts'

type Needs = Pick<AdminContext, 'store' | 'clock' | 'box' | 'events'>

/**
 * Honours `Idempotency-Key` on routes with `config.idempotent`: a repeat by the same actor with the same method, path and
 * body gets the first answer again. Another body, or a first one that still runs, is refused. Only success is kept, by
 * `makeOnce`; what has failed can be tried again. Judged after the body was checked, so that what is refused anyway takes
 * nothing.
 *
 * Of the key only a hash is stored, and the answer is encrypted under a key that takes the Idempotency-Key to derive: the
 * store and the master key together do not give a raw key away.
 */
export function honourIdempotencyKeys(app: PlatformApp, context: Needs): void {
  app.addHook('preHandler', (request, reply) => begin(context, request, reply))
  app.addHook('onSend', async (request, reply, payload) => {
    await end(context, request, reply)
    return payload
  })
}

/** For the reference: the header, on the routes that honour it. Not in their schemas, which would drop all other headers. */
export const withIdempotencyKey =
  (transform: typeof jsonSchemaTransform): typeof jsonSchemaTransform =>
  (input) => {
    const { schema, url } = transform(input)
    if (input.route.config?.idempotent === undefined) return { schema, url }
    const properties = { 'Idempotency-Key': { type: 'string', pattern: '^[!-~]{1,255}$', description } }
    return { schema: { ...schema, headers: { type: 'object', properties } }, url }
  }
const description =
  'A repeat within 24 hours with the same one, path and body gets the first answer again, and makes nothing.'

/** @returns the reply when there is an answer already, undefined when the handler shall run. */
async function begin(context: Needs, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> {
  const key = request.headers['idempotency-key']
  if (key === undefined || request.routeOptions.config.idempotent === undefined) return undefined
  // Several of them come joined by a comma and a space, and are refused by the same rule.
  if (typeof key !== 'string' || !/^[\x21-\x7e]{1,255}$/.test(key)) {
    const errors = [{ path: 'Idempotency-Key', message: 'must be 1 to 255 visible ASCII characters' }]
    return refuse(reply, 'VALIDATION_FAILED', { errors })
  }
  const id = idOf(request, key)
  const box = context.box.derive('idempotency', key)
  const fingerprint = fingerprintOf(request)
  const now = context.clock.now()
  const started = await context.store.startIdempotent(id, { leaseEndsAt: now + leaseMs, expiresAt: now + keptMs })
  switch (started.state) {
    case 'started':
      running.set(request, { id, lease: started.lease, fingerprint, box })
      return undefined
    case 'running':
      return refuse(reply.header('Retry-After', '1'), 'IDEMPOTENCY_CONFLICT', { detail: stillRunning })
    case 'finished':
      return await repeat(reply, openIfReadable(context, { id, box }, started.answer), fingerprint)
  }
}

/** What was not made can be tried again. */
async function end({ store, events }: Needs, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const mine = running.get(request)
  if (mine === undefined) return
  running.delete(request)
  try {
    await store.releaseIdempotent(mine.id, mine.lease)
  } catch (error) {
    events.fault('freeing an Idempotency-Key', error)
  }
  if (reply.statusCode < 300) throw new Error(`${request.routeOptions.url} has made something without makeOnce`)
}

async function repeat(reply: FastifyReply, answer: Answer | undefined, fingerprint: string): Promise<FastifyReply> {
  if (answer === undefined) return refuse(reply, 'IDEMPOTENCY_CONFLICT', { detail: unreadable })
  if (answer.fingerprint !== fingerprint) return refuse(reply, 'IDEMPOTENCY_CONFLICT', { detail: otherBody })
  const { idempotent } = reply.request.routeOptions.config
  const body = typeof idempotent === 'object' ? await withoutDeadSecret(answer.body, idempotent) : answer.body
  return reply.code(answer.status).headers(answer.headers).header('Idempotent-Replayed', 'true').send(body)
}

/** @returns undefined when its master key is gone. */
function openIfReadable({ events }: Needs, from: Pick<Running, 'id' | 'box'>, sealed: Uint8Array): Answer | undefined {
  try {
    return openAnswer(from, sealed)
  } catch (error) {
    if (!(error instanceof SealBroken)) throw error
    events.fault('reading an answer for a repeat', error)
    return undefined
  }
}

/** Lengths of the parts can't be confused: none of them holds a line feed. */
function idOf(request: FastifyRequest, key: string): string {
  const { actor } = principalOf(request)
  const path = request.url.split('?', 1)[0] ?? ''
  return hash('sha256', ['idempotency', actor.type, actor.id ?? '', request.method, path, key].join('\n'))
}

/** The role too: whoever has lost rights since does not get what the rights had given. */
function fingerprintOf(request: FastifyRequest): string {
  const query = request.url.slice(request.url.split('?', 1)[0]?.length)
  const { isRoot } = principalOf(request)
  const body = request.body ?? null
  const digest = createHash('sha256').update(canonicalJson([request.role, isRoot, query]))
  return digest.update(Buffer.isBuffer(body) ? body : canonicalJson(body)).digest('base64')
}

const stillRunning = 'The first request with this Idempotency-Key is still running. Repeat this one in a moment.'
const otherBody = 'This Idempotency-Key was used with another body. Take a new one for another request.'
const unreadable = 'The answer to the first request can no longer be read. Look whether it made something.'
const keptMs = 24 * 3_600_000
/**
 * How long a process that dies leaves the key locked, unless its successor on the same store frees it at its start. One that
 * takes longer and lives finds that a repeat has taken over, and makes nothing.
 */
const leaseMs = 60_000
