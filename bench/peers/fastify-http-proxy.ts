import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import httpProxy from '@fastify/http-proxy'
import fastify from 'fastify'
import { Counter, Registry } from 'prom-client'
import { RateLimiterMemory } from 'rate-limiter-flexible'
import { endWithTheBench } from './counts.ts'

/**
 * The usual stack with the checks that a gateway makes: SHA-256 look-up of the key, a scope, a limit per key, three
 * headers for the API, one for the caller, a metric. Arguments: origin of the upstream, port, port for the counts, the key.
 */
const [upstream = '', port, countsPort, secret = ''] = process.argv.slice(2)

interface Key {
  readonly id: string
  readonly org: string
  readonly scopes: readonly string[]
}
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
const keys = new Map<string, Key>([[sha256(secret), { id: 'key_1', org: 'org_1', scopes: ['things:read'] }]])
const limiter = new RateLimiterMemory({ points: 1_000_000_000, duration: 60 })
const registry = new Registry()
const requests = new Counter({
  name: 'requests_total',
  help: 'Requests by status',
  labelNames: ['method', 'status'],
  registers: [registry],
})

declare module 'fastify' {
  interface FastifyRequest {
    key: Key | null
  }
}

const app = fastify({ logger: false })
app.decorateRequest('key', null)
app.addHook('onResponse', async (request, reply) => {
  requests.labels(request.method, String(reply.statusCode)).inc()
})
await app.register(httpProxy, {
  upstream,
  undici: { connections: 128, pipelining: 1 },
  preHandler: async (request, reply) => {
    const token = request.headers.authorization?.slice('Bearer '.length)
    const key = token === undefined ? undefined : keys.get(sha256(token))
    if (key === undefined) return reply.code(401).send({ error: 'invalid key' })
    if (!key.scopes.includes('things:read')) return reply.code(403).send({ error: 'scope' })
    const state = await limiter.consume(key.id).catch(() => undefined)
    if (state === undefined) return reply.code(429).send({ error: 'limit' })
    request.key = key
    reply.header('ratelimit', `"key";r=${state.remainingPoints};t=${Math.ceil(state.msBeforeNext / 1000)}`)
  },
  replyOptions: {
    rewriteRequestHeaders: (request, { authorization: _, ...headers }) => ({
      ...headers,
      'x-org-id': request.key?.org,
      'x-key-id': request.key?.id,
      'x-key-scopes': request.key?.scopes.join(' '),
    }),
  },
})
await app.listen({ port: Number(port), host: '127.0.0.1' })

createServer(async (_, response) => response.end(await registry.metrics())).listen(Number(countsPort), '127.0.0.1')
endWithTheBench()
