import { expect } from 'vitest'
import type { AttemptOptions, Bytes, Seen, Watched } from '../../helpers/oracles.ts'
import { expectProblem } from '../../helpers/problem.ts'

/** Sends the bytes, and holds that the only answer is this refusal, that nothing of them went upstream, and what the oracles ask. */
export async function expectRefused(
  watched: Watched,
  bytes: Bytes | readonly Bytes[],
  status: number,
  code: string,
  options?: AttemptOptions,
): Promise<Seen> {
  const outcome = await watched.attempt(bytes, options)
  const seen = await watched.verify(outcome)
  expect({ sent: bytes, upstream: seen.requests.map(({ head }) => head) }).toEqual({ sent: bytes, upstream: [] })
  expect({ sent: bytes, statuses: outcome.responses.map((response) => response.status) }).toEqual({
    sent: bytes,
    statuses: [status],
  })
  for (const response of outcome.responses) if (options?.methods?.[0] !== 'HEAD') expectProblem(response, status, code)
  return seen
}
