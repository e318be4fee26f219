import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface HttpUpstream extends AsyncDisposable {
  readonly url: string
  readonly server: Server
}

/** An API on node:http, for tests that stream much and don't look at single bytes. */
export async function startHttpUpstream(handler: RequestListener): Promise<HttpUpstream> {
  const server = createServer({ keepAliveTimeout: 60_000, requestTimeout: 0 }, handler)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    server,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}
