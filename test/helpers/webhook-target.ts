import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface ReceivedWebhook {
  readonly id: string
  readonly path: string
  readonly headers: Record<string, string>
  /** As it came. */
  readonly text: string
  readonly body: { readonly type: string; readonly timestamp: string; readonly data: Record<string, unknown> }
}

/** How a target answers; by default 204. */
export type AnswerWebhook = (response: ServerResponse, received: ReceivedWebhook) => void

/** A server that takes webhooks. */
export interface WebhookTarget extends AsyncDisposable {
  readonly url: string
  readonly port: number
  /** Oldest first. */
  readonly received: readonly ReceivedWebhook[]
  ofType(type: string): ReceivedWebhook[]
  answerWith(answer: AnswerWebhook): void
}

export async function startWebhookTarget({ port = 0 }: { port?: number } = {}): Promise<WebhookTarget> {
  const received: ReceivedWebhook[] = []
  let answer: AnswerWebhook = (response) => void response.writeHead(204).end()
  const server = createServer((request, response) => {
    let text = ''
    request.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
    })
    request.on('end', () => {
      const one = read(request, text)
      received.push(one)
      answer(response, one)
    })
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const address = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${address.port}/hook`,
    port: address.port,
    received,
    ofType: (type) => received.filter(({ body }) => body.type === type),
    answerWith(next) {
      answer = next
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function read(request: IncomingMessage, text: string): ReceivedWebhook {
  const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]))
  return { id: headers['webhook-id'] ?? '', path: request.url ?? '', headers, text, body: JSON.parse(text) }
}
