import { createHash, hash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { jsonSchemaTransform } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { SealBroken, type SecretBox } from '../keys/secret-box.ts'
import { verify } from '../keys/verify.ts'
import { canonicalJson } from '../store/event-chain.ts'
import { type AdminContext, type PlatformApp, principalOf } from './context.ts'
import { refuse } from './refusals.ts'

type Needs = Pick<AdminContext, 'store' | 'clock' | 'box' | 'events'>

/**
 * Honours `Idempotency-Key` on routes with `config.idempotent`: a repeat by the same actor with the same method, path and
 * body gets the first answer again. Another body, or a first one that still runs, is refused. Only success is kept: what
 * has failed can be tried again. Judged after the body was checked, so that what is refused anyway takes nothing.
 *
 * Of the key only a hash is stored, and the answer is encrypted under a key that takes the Idempotency-Key to derive: the
 * store and the master key together do not give a raw key away.
 */
export function honourIdempotencyKeys(app: PlatformApp, context: Needs): void {
  app.addHook('preHandler', (request, reply) => begin(context, request, reply))
  app.addHook('onSend', async (request, reply, payload) => {
    await end(context, request, reply, payload)
    return payload
  })
}

/** For the reference: the header, on the routes that honour it. Not in their schemas, which would drop all other headers. */
export const withIdempotencyKey =
  (transform: typeof jsonSchemaTransform): typeof jsonSchemaTransform =>
  (input) => {
    const { schema, url } = transform(input)
    if (input.route.config?.idempotent !== true) return { schema, url }
    const properties = { 'Idempotency-Key': { type: 'string', pattern: '^[!-~]{1,255}$', description } }
    return { schema: { ...schema, headers: { type: 'object', properties } }, url }
  }
const description =
  'A repeat within 24 hours with the same one, path and body gets the first answer again, and makes nothing.'

/** A request that has the lease; in the map from its start to its answer. */
interface Running {
  readonly id: string
  readonly lease: string
  readonly fingerprint: string
  readonly box: SecretBox
}
const running = new WeakMap<FastifyRequest, Running>()

const keptAnswer = z.object({
  fingerprint: z.string(),
  status: z.number(),
  headers: z.record(z.string(), z.string()),
  body: z.string(),
})
type KeptAnswer = z.output<typeof keptAnswer>

/** @returns the reply when there is an answer already, undefined when the handler shall run. */
async function begin(context: Needs, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> {
  const key = request.headers['idempotency-key']
  if (key === undefined || request.routeOptions.config.idempotent !== true) return undefined
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
      return await repeat(context, reply, openAnswer(context, box, started.answer, id), fingerprint)
  }
}

/** Keeps a success; lets anything else be tried again. The caller gets the answer in hand whatever becomes of this. */
async function end(
  { store, events }: Needs,
  request: FastifyRequest,
  reply: FastifyReply,
  payload: unknown,
): Promise<void> {
  const mine = running.get(request)
  if (mine === undefined) return
  running.delete(request)
  const { id, lease, fingerprint, box } = mine
  const { statusCode: status } = reply
  const body = payload ?? ''
  try {
    if (status < 200 || status > 299 || typeof body !== 'string' || body.length > bodyMax) {
      return await store.releaseIdempotent(id, lease)
    }
    const answer: KeptAnswer = { fingerprint, status, headers: keptHeaders(reply), body }
    await store.finishIdempotent(id, lease, box.seal(Buffer.from(JSON.stringify(answer)), id))
  } catch (error) {
    events.fault('keeping an answer for a repeat', error)
  }
}

async function repeat(
  context: Needs,
  reply: FastifyReply,
  answer: KeptAnswer | undefined,
  fingerprint: string,
): Promise<FastifyReply> {
  if (answer === undefined) return refuse(reply, 'IDEMPOTENCY_CONFLICT', { detail: unreadable })
  if (answer.fingerprint !== fingerprint) return refuse(reply, 'IDEMPOTENCY_CONFLICT', { detail: otherBody })
  const body = await withoutDeadSecret(context, answer.body)
  return reply.code(answer.status).headers(answer.headers).header('Idempotent-Replayed', 'true').send(body)
}

/** The first answer, but `raw_key: null` once the key was rotated or revoked: what is ended is not handed out again. */
async function withoutDeadSecret({ store, clock }: Needs, body: string): Promise<string> {
  if (!body.includes('"raw_key"')) return body
  const { success, data } = withRawKey.safeParse(JSON.parse(body))
  if (!success) return body
  const record = await store.findKeyByHash(hash('sha256', data.raw_key, 'buffer'))
  // A secret in its grace period works, but it is no longer the one that the key has.
  const isCurrent = record?.secretExpiresAt === null && verify(record, clock.now()) === undefined
  return isCurrent ? body : JSON.stringify({ ...data, raw_key: null })
}
const withRawKey = z.looseObject({ raw_key: z.string() })

/** @returns undefined when its master key is gone. */
function openAnswer({ events }: Needs, box: SecretBox, sealed: Uint8Array, id: string): KeptAnswer | undefined {
  try {
    return keptAnswer.parse(JSON.parse(box.open(sealed, id).toString()))
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

function keptHeaders(reply: FastifyReply): Record<string, string> {
  const kept: Record<string, string> = {}
  for (const name of ['content-type', 'etag', 'location', 'link']) {
    const value = reply.getHeader(name)
    if (typeof value === 'string') kept[name] = value
  }
  return kept
}

const stillRunning = 'The first request with this Idempotency-Key is still running. Repeat this one in a moment.'
const otherBody = 'This Idempotency-Key was used with another body. Take a new one for another request.'
const unreadable = 'The answer to the first request can no longer be read. Look whether it made something.'
const keptMs = 24 * 3_600_000
/** A process that dies leaves the key locked for so long; no handler runs longer. */
const leaseMs = 60_000
const bodyMax = 256 * 1024
