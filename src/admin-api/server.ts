import fastify, { type FastifyInstance, type FastifyPluginAsync, type FastifyReply, type FastifyRequest } from 'fastify'
import type { Events } from '../events.ts'
import { uuidv7 } from '../ids.ts'
import { boundConnections } from './bound-connections.ts'
import { isScraper, originForm } from './hosts.ts'
import { createKnownMethods } from './known-methods.ts'
import type { FailedChecks } from './readiness.ts'
import { codeOf, commonHeaders, connectionCodeOf, refuse, refuseConnection } from './refusals.ts'

export interface AdminServer {
  /** @returns the address it has; port 0 has become a real one. @throws when it can't be had. */
  listen(address: { readonly host: string; readonly port: number }): Promise<{ host: string; port: number }>
  /** Answers what is under way, for 2 s at most. */
  close(): Promise<void>
}

export interface AdminServerOptions {
  readonly metrics: { text(): Promise<string>; readonly contentType: string }
  /** What keeps it from being ready; see `createReadiness`. */
  readonly failedChecks: () => Promise<FailedChecks>
  /** From its first true on `/readyz` is 503, whatever the checks say. */
  readonly draining?: () => boolean
  /** The public keys of the signed context. Left out: there is no such page. */
  readonly jwks?: () => object
  readonly events: Pick<Events, 'fault'>
  /** Whether the Host header names this plane; asked for everything but what probes ask for. Left out: any name will do. */
  readonly isOwnHost?: (host: string | undefined) => boolean
  /** Peers whose X-Forwarded-For and -Proto are believed. */
  readonly isTrustedProxy?: (address: string) => boolean
  /** Further routes, each with what they need already in hand. */
  readonly plugins?: readonly FastifyPluginAsync[]
}

/**
 * The admin plane: health, metrics, and whatever `plugins` add. Every answer has a request id of its own, is never cached,
 * and is a problem of the catalogue where something is wrong.
 */
export function createAdminServer({
  events,
  plugins = [],
  isOwnHost = () => true,
  isTrustedProxy = () => false,
  ...pages
}: AdminServerOptions): AdminServer {
  const app = fastify({
    ...limits,
    logger: false,
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    // Always our own: one from the caller could be something shaped like a key.
    genReqId: newRequestId,
    requestIdHeader: false,
    trustProxy: isTrustedProxy,
    // Where there is none the first hook refuses.
    rewriteUrl: ({ url = '/', headers }) => originForm(url, headers.host) ?? '/',
    frameworkErrors: (error, _request, reply) => void refuse(reply, codeOf(error)),
    clientErrorHandler: (error, socket) => refuseConnection(socket, connectionCodeOf(error), newRequestId()),
  })
  boundConnections(app.server, connectionsMax)
  // Node would answer these itself, without a body.
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response))

  const methods = createKnownMethods()
  app.addHook('onRoute', ({ url, method }) => methods.add(url, method))
  app.addHook('onRequest', (request, reply, done) => {
    reply.headers(commonHeaders(request.id))
    // Here, so that no body is read for what is refused anyway.
    if (!hasOneHost(request)) refuse(reply, 'BAD_REQUEST')
    else if (originForm(request.originalUrl, request.headers.host) === undefined) refuse(reply, 'BAD_REQUEST_TARGET')
    else if (!isReachedWell(request)) {
      refuse(reply, 'BAD_REQUEST', { detail: wrongHost })
    } else if (request.is404) notFound(request, reply)
    else done()
  })
  const isReachedWell = ({ routeOptions: { url = '' }, headers }: FastifyRequest): boolean =>
    openPages.has(url) || isOwnHost(headers.host) || (url === '/metrics' && isScraper(headers))
  const notFound = (request: FastifyRequest, reply: FastifyReply) => {
    const allowed = methods.at(request.url.split('?', 1)[0] ?? '')
    // A method that is there can be missing its object: a file that the folder does not have.
    if (allowed.length === 0 || allowed.includes(request.method)) return refuse(reply, 'NOT_FOUND')
    return refuse(reply.header('Allow', allowed.join(', ')), 'METHOD_NOT_ALLOWED')
  }
  app.setNotFoundHandler(notFound)
  app.setErrorHandler((error: Error, _request, reply) => {
    const code = codeOf(error)
    if (code === 'INTERNAL') events.fault('admin listener', error)
    return refuse(reply, code)
  })

  app.register(healthPages(pages))
  for (const plugin of plugins) app.register(plugin)
  return { listen: (address) => listen(app, address), close: () => close(app) }
}

/** No log-in: the listener is private by default, and probes and scrapers have none. */
function healthPages({ metrics, failedChecks, draining, jwks }: Omit<AdminServerOptions, 'events' | 'plugins'>) {
  let scrape: Promise<string> | undefined
  return async (app: FastifyInstance): Promise<void> => {
    app.get('/healthz', () => ({ status: 'ok' }))

    app.get('/readyz', async (_request, reply) => {
      // Before the checks and their cache: from this moment no balancer should send more.
      if (draining?.()) return reply.code(503).send({ status: 'not_ready', checks: { draining: 'shutting down' } })
      const failed = await failedChecks()
      if (Object.keys(failed).length > 0) return reply.code(503).send({ status: 'not_ready', checks: failed })
      return { status: 'ready' }
    })

    app.get('/metrics', async (_request, reply) => {
      // Those who ask at the same time share the work, which is on the thread that carries the traffic.
      scrape ??= metrics.text().finally(() => {
        scrape = undefined
      })
      const text = await scrape
      return reply.type(metrics.contentType).send(text)
    })

    if (jwks) app.get('/.well-known/jwks.json', () => jwks())
  }
}

async function listen(
  app: FastifyInstance,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<{ host: string; port: number }> {
  await app.listen({ host, port })
  const address = app.server.address()
  return { host, port: typeof address === 'object' && address !== null ? address.port : port }
}

async function close(app: FastifyInstance): Promise<void> {
  const cut = setTimeout(() => app.server.closeAllConnections(), closeWithinMs)
  try {
    await app.close()
  } finally {
    clearTimeout(cut)
  }
}

const newRequestId = (): string => uuidv7(Date.now())

/** Node's own check answers without a body, and lets several through. */
function hasOneHost({ raw }: FastifyRequest): boolean {
  let hosts = 0
  for (let at = 0; at < raw.rawHeaders.length; at += 2) if (raw.rawHeaders[at]?.toLowerCase() === 'host') hosts++
  return hosts === 1 || (hosts === 0 && raw.httpVersion === '1.0')
}

/** What probes and upstreams ask for, by whatever name they have for us; nothing in it is worth a trick. */
const openPages: ReadonlySet<string> = new Set(['/healthz', '/readyz', '/.well-known/jwks.json'])
const wrongHost = 'The Host header does not name this gateway. If you reach it by this name, add it to admin.hosts.'

const closeWithinMs = 2000
const connectionsMax = 1024
const limits = {
  bodyLimit: 1024 * 1024,
  requestTimeout: 30_000,
  connectionTimeout: 60_000,
  keepAliveTimeout: 65_000,
  http: { requireHostHeader: false, headersTimeout: 10_000, maxHeaderSize: 16 * 1024 },
  routerOptions: { maxParamLength: 256 },
}
