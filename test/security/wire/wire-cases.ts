import { expect } from 'vitest'
import type { AttemptOptions, Bytes, Outcome, Seen, Watched } from '../../helpers/oracles.ts'
import { expectProblem } from '../../helpers/problem.ts'

/** What stands behind a message that is refused, and must never be run. */
export const smuggled = 'GET /api/smuggled HTTP/1.1\r\n{host}\r\n{auth}\r\n\r\n'

export const head = (line: string, ...fields: string[]): string => `${[line, ...fields].join('\r\n')}\r\n\r\n`
export const get = (...fields: string[]): string => head('GET /api/x HTTP/1.1', '{host}', '{auth}', ...fields)
export const post = (...fields: string[]): string => head('POST /api/x HTTP/1.1', '{host}', '{auth}', ...fields)
export const chunked = (body: string, ...fields: string[]): string =>
  post('Transfer-Encoding: chunked', ...fields) + body
/** A good request in all but its first line. */
export const line = (text: string): string => head(text, '{host}', '{auth}')
/** A good request in all but its Host. */
export const hosted = (...fields: string[]): string => head('GET /api/x HTTP/1.1', '{auth}', ...fields)

/** One problem document, the end of the connection, nothing upstream, one row: under every oracle, and whatever comes behind. */
export async function expectRefused(
  watched: Watched,
  bytes: string,
  status = 400,
  code = 'BAD_REQUEST',
  options: AttemptOptions = {},
): Promise<void> {
  const outcome = await watched.attempt(bytes + smuggled, { ...options, toEnd: true })
  const seen = await watched.verify(outcome)
  expect(outcome.responses.map((response) => response.status)).toEqual([status])
  const [response] = outcome.responses
  if (response) expectProblem(response, status, code)
  expect(response?.header('connection')).toBe('close')
  expect(seen.lines.map((row) => [row.status, row.code])).toEqual([[status, code]])
  // A body that breaks on its way may have been begun; verify() has seen that it was never whole.
  expect(seen.requests.filter(({ content }) => content !== undefined)).toEqual([])
  expect(seen.requests.map(({ target }) => target)).not.toContain('/api/smuggled')
}

/** What the upstream has seen of a message that is in order, head and body. */
export async function forwarded(
  watched: Watched,
  bytes: Bytes | readonly Bytes[],
  options: AttemptOptions = {},
): Promise<{ outcome: Outcome; seen: Seen; heads: string[]; bodies: string[] }> {
  const outcome = await watched.attempt(bytes, options)
  const seen = await watched.verify(outcome)
  return {
    outcome,
    seen,
    heads: seen.requests.map((request) => request.head),
    bodies: seen.requests.map(({ content }) => String(content)),
  }
}
