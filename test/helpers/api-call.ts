import { type Agent, request as httpRequest } from 'node:http'
import type { Answer } from './openapi-document.ts'

export interface ApiCall {
  readonly method: string
  /** Sent as it stands. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

/** Sends a request as it stands. Of server-sent events it waits for the first bytes, and hangs up. */
export function callApi(adminUrl: string, { method, path, headers, body }: ApiCall, agent: Agent): Promise<Answer> {
  const { hostname: host, port } = new URL(adminUrl)
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host, port, method, path, headers, agent }, (response) => {
      let text = ''
      const answered = () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text })
      const isStream = response.headers['content-type']?.startsWith('text/event-stream') === true
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
        if (!isStream) return
        answered()
        request.destroy()
      })
      response.once('error', reject).once('end', answered)
    })
    request.setTimeout(15_000, () => request.destroy(new Error(`${method} ${path} was not answered within 15 s`)))
    request.once('error', reject).end(body)
  })
}
