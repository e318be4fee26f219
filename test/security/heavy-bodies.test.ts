import { afterAll, beforeAll, expect, it } from 'vitest'
import { type AdminGateway, startAdmin } from '../helpers/admin.ts'
import { jsonLines, outputOf, runToEnd } from '../helpers/jobs.ts'

let gateway: AdminGateway
beforeAll(async () => {
  gateway = await startAdmin()
})
afterAll(() => gateway[Symbol.asyncDispose]())

// Each of these is cheap to send, and would keep the thread that carries traffic busy for seconds.

it.each(['/sessions', '/setup'])(
  '%s reads no more than a log-in can hold: everybody may send it something',
  async (path) => {
    const { status } = await gateway.as(null)('POST', path, { email: 'a@example.com', password: 'a'.repeat(20_000) })
    expect(status).toBe(413)
  },
)

it('a body of more values than any request has is refused before they are built', async () => {
  const viewer = await gateway.member('viewer')
  const admin = await gateway.member('admin')
  const numbers = (count: number): string => `[${'0,'.repeat(count - 1)}0]`
  const jobs = `/organizations/${gateway.organization.id}/jobs`
  for (const [api, method, path, body] of [
    [viewer, 'PATCH', '/me', `{"name":${numbers(30_000)}}`],
    [admin, 'POST', jobs, `{"type":"bulk_revoke","params":{"ids":${numbers(1_000_000)}}}`],
    [
      admin,
      'POST',
      jobs,
      `{"type":"key_import","params":{"format":"csv","data":"name\\nA"},"x":${numbers(1_000_000)}}`,
    ],
  ] as const) {
    const answer = await api(method, path, body)
    expect([path, answer.status, answer.body]).toEqual([
      path,
      422,
      expect.objectContaining({ errors: [{ path: '', message: 'must not hold more than 20000 values' }] }),
    ])
  }
})

it('only the text of an import may be as long as an import', async () => {
  const admin = await gateway.member('admin')
  const order = { type: 'bulk_revoke', params: { all: true, reason: 'a'.repeat(4 * 1024 * 1024) } }
  const { status } = await admin('POST', `/organizations/${gateway.organization.id}/jobs`, order)
  expect(status).toBe(413)
})

it('lines of an import that are too long, too deep or too full are said to be, and the others are imported', async () => {
  const data = [
    '{"name":"First"}',
    `{"name":"Long","description":"${'a'.repeat(100_000)}"}`,
    `{"name":"Deep","metadata":{"a":${'['.repeat(20_000)}${']'.repeat(20_000)}}}`,
    `{"name":"Full","metadata":{"a":[${'0,'.repeat(20_000)}0]}}`,
    '{"name":"Last"}',
  ].join('\n')
  const messages = await reportsOf({ format: 'jsonl', data })
  expect(messages).toEqual([
    expect.anything(),
    { line: 2, status: 'failed', errors: [{ path: '', message: 'must be at most 65536 characters' }] },
    { line: 3, status: 'failed', errors: [{ path: '', message: 'must not be nested deeper than 64 levels' }] },
    { line: 4, status: 'failed', errors: [{ path: '', message: 'must not hold more than 10000 values' }] },
    expect.anything(),
  ])
})

it('a record of a table ends somewhere', async () => {
  for (const record of [
    ','.repeat(100_000),
    `"${'""'.repeat(100_000)}"`,
    'a'.repeat(100_000),
    `"${'a'.repeat(100_000)}"`,
  ]) {
    const reports = await reportsOf({ format: 'csv', data: `name\nFirst\n${record}\nLast` })
    const message = 'must be at most 65536 characters; nothing behind it was read'
    expect(reports).toEqual([expect.anything(), { line: 3, status: 'failed', errors: [{ path: '', message }] }])
  }
  const metadata = `"{""a"":${'['.repeat(20_000)}${']'.repeat(20_000)}}"`
  const [report] = await reportsOf({ format: 'csv', data: `name,metadata\nDeep,${metadata}` })
  expect(report).toMatchObject({ line: 2, status: 'failed', errors: [{ path: 'metadata' }] })
})

it.each([
  ['csv', 'name\nFirst'],
  ['jsonl', '{"name":"First"}'],
])('a %s of empty lines without end has one', async (format, first) => {
  const reports = await reportsOf({ format, data: `${first}${'\n'.repeat(2_000_000)}Last` })
  const message = 'is one empty line more than there may be; nothing behind it was read'
  expect(reports).toEqual([
    expect.anything(),
    { line: expect.any(Number), status: 'failed', errors: [{ path: '', message }] },
  ])
})

async function reportsOf(params: object): Promise<unknown[]> {
  const { id } = await runToEnd(gateway, 'key_import', params)
  return jsonLines((await outputOf(gateway, id)).text)
}
