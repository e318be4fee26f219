import { createServer, type ServerResponse } from 'node:http'
import { type Dispatcher, Pool } from 'undici'
import { countsOnPort } from './counts.ts'

/**
 * The floor for a gateway on node:http and undici: a bare streaming proxy with back-pressure both ways and no checks.
 * Not safe to use: it forwards what it is given. Arguments: origin of the upstream, port, port for the counts.
 */
const [origin = '', port, countsPort] = process.argv.slice(2)
const upstream = new Pool(origin, { connections: 128, pipelining: 1 })
const count = countsOnPort(Number(countsPort))

createServer((request, response) => {
  const hasBody = request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined
  upstream.dispatch(
    {
      path: request.url ?? '/',
      method: request.method as Dispatcher.HttpMethod,
      headers: endToEnd(request.rawHeaders),
      body: hasBody ? request : null,
    },
    stream(response),
  )
}).listen(Number(port), '127.0.0.1')

/** The raw handler of undici: header bytes as they came, no object made of them. */
function stream(response: ServerResponse): Dispatcher.DispatchHandler {
  let abort: (error?: Error) => void = () => {}
  response.once('close', () => {
    if (!response.writableFinished) abort()
  })
  return {
    onConnect(cancel) {
      abort = cancel
    },
    onHeaders(status, headers, resume) {
      response.writeHead(status, endToEnd(headers.map((bytes) => bytes.toString('latin1'))))
      response.on('drain', resume)
      count(status)
      return true
    },
    onData: (chunk) => response.write(chunk),
    onComplete() {
      response.end()
    },
    onError() {
      if (response.headersSent || response.destroyed) return void response.destroy()
      count(502)
      response.writeHead(502).end()
    },
  }
}

const hopByHop = new Set(['connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'te', 'trailer', 'expect'])

function endToEnd(pairs: readonly string[]): string[] {
  const kept: string[] = []
  for (let i = 0; i < pairs.length; i += 2) {
    const [name = '', value = ''] = [pairs[i], pairs[i + 1]]
    if (!hopByHop.has(name.toLowerCase())) kept.push(name, value)
  }
  return kept
}
