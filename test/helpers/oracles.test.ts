import { expect, it } from 'vitest'
import { startWatched } from './oracles.ts'
import { plainResponse } from './raw-upstream.ts'

const routes = `
  - { path: /api/*, upstream: api }
  - { path: /open/*, upstream: api, public: true }
`
const get = (path: string, ...fields: string[]): string =>
  `${[`GET ${path} HTTP/1.1`, '{host}', ...fields].join('\r\n')}\r\n\r\n`

it('finds nothing wrong with what is forwarded, refused, public, pipelined or unreadable', async () => {
  await using watched = await startWatched(routes)
  for (const [bytes, statuses] of [
    [get('/api/x', '{auth}'), [200]],
    [get('/open/x', 'X-Org-Id: mine'), [200]],
    [get('/api/x'), [401]],
    [get('/api/x', '{auth}') + get('/api/x') + get('/open/x'), [200, 401, 200]],
    ['nonsense\r\n\r\n', [400]],
  ] as const) {
    const outcome = await watched.attempt(bytes, { responses: statuses.length })
    expect(outcome.responses.map(({ status }) => status)).toEqual(statuses)
    const { requests, lines } = await watched.verify(outcome)
    expect(lines.map(({ status }) => status)).toEqual(statuses)
    expect(requests).toHaveLength(statuses.filter((status) => status === 200).length)
  }
  const outcome = await watched.attempt(get('/api/x', '{auth}', 'Connection: close'), { split: true, toEnd: true })
  expect(outcome.responses.map(({ status }) => status)).toEqual([200])
  await watched.verify(outcome)
})

it('tells of an attempt that it was not asked about, with what was sent', async () => {
  await using watched = await startWatched(routes)
  const first = await watched.attempt(get('/api/unasked', '{auth}'))
  const second = await watched.attempt(get('/api/x', '{auth}'))
  await expect(watched.verify(second)).rejects.toThrow(/O6: a row without an answer.*unasked[\s\S]*sent: .*\/api\/x/)
  expect(first.responses).toHaveLength(1)
})

it('tells of a key in an answer', async () => {
  await using watched = await startWatched(routes)
  watched.upstream.respond(plainResponse(`see ${watched.key.raw}`))
  const outcome = await watched.attempt(get('/open/x'))
  await expect(watched.verify(outcome)).rejects.toThrow('O6: a key in an answer')
})
