import type { AttemptOptions, Bytes, RequestLine, Watched } from './oracles.ts'
import type { RawResponse } from './raw-client.ts'
import type { UpstreamRequest } from './raw-upstream.ts'

export interface Judged {
  readonly answer: RawResponse
  /** What the upstream saw of it; undefined where nothing. */
  readonly request: UpstreamRequest | undefined
  readonly line: RequestLine
}

/** One request on a connection of its own, held to every oracle. @throws unless it is answered exactly once. */
export async function attemptOne(
  watched: Watched,
  bytes: Bytes | readonly Bytes[],
  options: AttemptOptions = {},
): Promise<Judged> {
  const outcome = await watched.attempt(bytes, options)
  const { requests, lines } = await watched.verify(outcome)
  const [answer, second] = outcome.responses
  const [line] = lines
  if (answer === undefined || second !== undefined) throw new Error(`${outcome.responses.length} answers, not one`)
  if (line === undefined) throw new Error('no row')
  return { answer, request: requests[0], line }
}

/** A request as bytes; `{host}` and `{auth}` stand for whole fields, and are there unless the fields have others. */
export function compose(
  target: string,
  {
    method = 'GET',
    fields = [],
    host = '{host}',
    auth = '{auth}',
    body = '',
  }: { method?: string; fields?: readonly string[]; host?: string; auth?: string; body?: string } = {},
): string {
  const lines = [`${method} ${target} HTTP/1.1`, host, auth, ...fields].filter((line) => line !== '')
  if (body !== '') lines.push(`Content-Length: ${body.length}`)
  return `${lines.join('\r\n')}\r\n\r\n${body}`
}
