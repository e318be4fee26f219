import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Upstream {
  readonly url: string
  close(): Promise<void>
}

/**
 * A small API of projects and audit runs, as it would stand behind the gateway. It has no idea of keys: who is calling
 * it reads from the headers that the gateway adds.
 */
export async function startUpstream(port: number, host = '127.0.0.1'): Promise<Upstream> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://upstream')
    for (const { method, pattern, answer } of endpoints) {
      const match = pattern.exec(pathname)
      if (match && request.method === method) return answer(request, response, match[1] ?? '')
    }
    send(response, 404, { error: 'not found', path: pathname })
  })
  server.listen(port, host)
  await new Promise<void>((resolve, reject) => server.once('listening', resolve).once('error', reject))
  const address = server.address() as AddressInfo
  return {
    url: `http://${host}:${address.port}`,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

type Answer = (request: IncomingMessage, response: ServerResponse, id: string) => void

const endpoints: readonly { method: string; pattern: RegExp; answer: Answer }[] = [
  { method: 'GET', pattern: /^\/healthz$/, answer: (_, response) => send(response, 200, { status: 'ok' }) },
  { method: 'GET', pattern: /^\/status$/, answer: (_, response) => send(response, 200, { status: 'all systems go' }) },
  {
    method: 'GET',
    pattern: /^\/api\/v1\/projects$/,
    answer: (request, response) => send(response, 200, { projects, caller: caller(request) }),
  },
  {
    method: 'GET',
    pattern: /^\/api\/v1\/projects\/([^/]+)$/,
    answer: (request, response, id) => send(response, 200, { id, name: `Project ${id}`, caller: caller(request) }),
  },
  {
    method: 'POST',
    pattern: /^\/api\/v1\/projects\/([^/]+)\/runs$/,
    answer: (request, response, id) => {
      request.resume()
      request.once('end', () =>
        send(response, 202, { run: 'run_1', project: id, status: 'queued', caller: caller(request) }),
      )
    },
  },
  { method: 'GET', pattern: /^\/api\/v1\/(?:projects\/)?feed$/, answer: feed },
]

const projects = [
  { id: 'prj_42', name: 'Website' },
  { id: 'prj_43', name: 'Warehouse' },
]

/** What the gateway says about the caller. An upstream that is reached through it alone can believe this. */
function caller({ headers }: IncomingMessage): Record<string, string> {
  const identity = Object.entries(headers).filter(([name]) =>
    /^(x-(org|key|workspace|service-account|request)-|authorization)/.test(name),
  )
  return Object.fromEntries(identity.map(([name, value]) => [name, String(value)]))
}

/** Server-sent events: three lines of progress, one each 100 ms, to show that bodies are streamed. */
function feed(_: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
  let sent = 0
  const timer = setInterval(() => {
    sent++
    response.write(`data: ${JSON.stringify({ progress: sent, total: 3 })}\n\n`)
    if (sent === 3) response.end()
  }, 100)
  response.once('close', () => clearInterval(timer))
}

function send(response: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body)
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
  response.end(text)
}

if (import.meta.main) {
  const { url } = await startUpstream(Number(process.env.PORT ?? 9000), process.env.HOST)
  process.stdout.write(`sample API on ${url}\n`)
}
