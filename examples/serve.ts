import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** One request as an API behind the gateway sees it. It never sees a key: who is calling stands in headers. */
export interface Call {
  /** What the parameters of the path stand for. */
  readonly params: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  /** Parsed where it is JSON, else undefined. */
  readonly body: unknown
  /** `X-Org-Id`: whose data this is about. Everything that the API keeps, it keeps by this. */
  readonly organization: string
  readonly headers: IncomingMessage['headers']
}

export interface Answer {
  readonly status: number
  readonly body: unknown
}

/** By method and path: `GET /api/v1/projects/:id`. The first that fits answers. */
export type Endpoints = Readonly<Record<string, (call: Call) => Answer>>

/**
 * Serves a sample API, for the gateway in front of it. It listens on 127.0.0.1 alone, as an API should that believes its
 * headers. PORT in the environment; 9000 when it is not set, 0 for any free one.
 */
export function serve(name: string, endpoints: Endpoints): void {
  const routes = Object.entries(endpoints).map(([place, answer]) => {
    const [method = '', path = ''] = place.split(' ')
    return { method, pattern: new RegExp(`^${path.replace(/:(\w+)/g, '(?<$1>[^/]+)')}/?$`), answer }
  })
  const server = createServer(async (request, response) => {
    const { pathname, searchParams: query } = new URL(request.url ?? '/', 'http://api')
    const body = await readJson(request)
    for (const { method, pattern, answer } of routes) {
      const match = pattern.exec(pathname)
      if (match === null || request.method !== method) continue
      const { headers } = request
      const organization = String(headers['x-org-id'] ?? '')
      return send(response, answer({ params: { ...match.groups }, query, body, organization, headers }))
    }
    send(response, { status: 404, body: { error: 'not found' } })
  })
  server.listen(Number(process.env.PORT ?? 9000), '127.0.0.1', () => {
    const { port } = server.address() as AddressInfo
    process.stdout.write(`${name} on http://127.0.0.1:${port}\n`)
  })
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  let text = ''
  for await (const chunk of request.setEncoding('utf8')) text += chunk
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function send(response: ServerResponse, { status, body }: Answer): void {
  const text = body === null ? '' : JSON.stringify(body)
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
  response.end(text)
}

/** A member of a JSON object, as text; undefined where it is none. */
export function text(body: unknown, name: string): string | undefined {
  const value = typeof body === 'object' && body !== null ? Reflect.get(body, name) : undefined
  return typeof value === 'string' ? value : undefined
}
