import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { repeatedName } from '../../src/json-text.ts'
import { type AdminGateway, startAdmin } from '../helpers/admin.ts'

let gateway: AdminGateway
beforeAll(async () => {
  gateway = await startAdmin()
})
afterAll(() => gateway[Symbol.asyncDispose]())

const nested = (levels: number): string => `${'['.repeat(levels)}${']'.repeat(levels)}`

it.each([65, 5000, 100_000])('a body of %i levels is refused before anything walks through it', async (levels) => {
  const organization = `/organizations/${gateway.organization.id}`
  const metadata = `{"name":"Deep","metadata":{"a":${nested(levels)}}}`
  for (const [method, path, body] of [
    ['POST', `${organization}/api-keys`, metadata],
    ['POST', `${organization}/api-keys`, nested(levels)],
    ['PATCH', organization, metadata],
    ['POST', '/organizations', metadata],
  ] as const) {
    const headers = method === 'POST' ? { 'idempotency-key': `deep-${levels}` } : undefined
    const { status, body: problem } = await gateway.api(method, path, body, headers)
    expect([path, status, problem]).toEqual([
      path,
      422,
      expect.objectContaining({ errors: [{ path: '', message: 'must not be nested deeper than 64 levels' }] }),
    ])
  }
})

it('a body of 64 levels is taken, and brackets in texts are none', async () => {
  // Two of them are the body and its metadata.
  const body = `{"name":"Deep","metadata":{"a":${nested(62)},"b":"${'['.repeat(500)}\\"${'{'.repeat(500)}"}}`
  const { status } = await gateway.api('POST', `/organizations/${gateway.organization.id}/api-keys`, body)
  expect(status).toBe(201)
})

it.each([
  ['a name', '{"name":"One","name":"Two"}', 'name'],
  ['one in disguise', '{"name":"One","n\\u0061me":"Two"}', 'name'],
  ['one deeper down', '{"name":"One","metadata":{"a":[{"b":1},{"b":2,"c":{"d":1,"d":2}}]}}', 'd'],
  ['one behind an escaped quote', '{"name":"\\\\\\"{","metadata":{"a":"\\\\","b":1,"a":2}}', 'a'],
])('a body with %s twice is refused: one reader takes the first, another the last', async (_, body, name) => {
  for (const [method, path] of [
    ['POST', '/organizations'],
    ['PATCH', `/organizations/${gateway.organization.id}`],
    ['POST', `/organizations/${gateway.organization.id}/api-keys`],
  ] as const) {
    const { status, body: problem } = await gateway.api(method, path, body)
    expect([path, status, problem]).toEqual([
      path,
      400,
      expect.objectContaining({ code: 'BAD_REQUEST', detail: `The body has ${JSON.stringify(name)} twice.` }),
    ])
  }
  const answer = await fetch(`${gateway.adminUrl}/platform/sessions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"email":"a@example.com","email":"b@example.com","password":"x"}',
  })
  expect(answer.status).toBe(400)
})

it('the same name in two objects is none twice, nor is a text that reads like one', async () => {
  const body =
    '{"name":"Same","metadata":{"name":"{\\"a\\":1,\\"a\\":2}","a":[{"a":"a"},{"a":"a"},"a","a"],"b":{"name":1}}}'
  expect((await gateway.api('POST', `/organizations/${gateway.organization.id}/api-keys`, body)).status).toBe(201)
})

it('a raw key in a name that comes twice is not echoed', async () => {
  const { raw: rawKey } = await gateway.createKey()
  const body = `{"name":"x","${rawKey}":1,"${rawKey}":2}`
  const { status, body: problem } = await gateway.api(
    'POST',
    `/organizations/${gateway.organization.id}/api-keys`,
    body,
  )
  expect([status, JSON.stringify(problem).includes(rawKey)]).toEqual([422, false])
})

describe('looking for names that come twice', () => {
  it.each([
    ['{}', undefined],
    ['{"a":1}', undefined],
    ['{"a":1,"a":2}', 'a'],
    ['{"a" \n:1,"\\u0061"\t:2}', 'a'],
    ['{"":1,"":2}', ''],
    ['[{"a":1},{"a":1}]', undefined],
    ['{"a":{"a":{"a":1}}}', undefined],
    ['{"a":{"b":1},"b":{"a":1}}', undefined],
    ['{"a":{"b":1},"c":[],"a":1}', 'a'],
    ['{"a":"\\\\","b":"\\\\\\"","b":1}', 'b'],
    ['["a","a",":"]', undefined],
    ['{"a":"x\\",\\"a","b":"a"}', undefined],
    ['"a"', undefined],
  ])('%s', (text, name) => {
    expect(JSON.parse(text)).toBeDefined()
    expect(repeatedName(text)).toBe(name)
  })

  it('takes no longer than reading it, however long a text is in it', () => {
    // As an import has them: one text of 30 MB, full of escapes.
    const text = JSON.stringify({ a: '{"name":"\\"}\n'.repeat(1_500_000), b: 1 })
    const startedAt = performance.now()
    expect(repeatedName(text)).toBeUndefined()
    expect(performance.now() - startedAt).toBeLessThan(2000)
  })
})

it('what is wrong with a body or a query is said in plain words, field by field', async () => {
  const organization = `/organizations/${gateway.organization.id}`
  const asked = [
    ['POST', '/organizations', {}, { name: 'is required' }],
    ['POST', '/organizations', undefined, { '': 'must be a JSON object' }],
    ['POST', `${organization}/api-keys`, { name: 5, scopes: 'a' }, { name: 'must be text', scopes: 'must be a list' }],
    ['POST', `${organization}/api-keys`, { name: 'K', color: 1 }, { '': 'has a field that is not known: color' }],
    ['POST', `${organization}/webhooks`, { url: 'https://example.com' }, { events: 'is required' }],
    ['POST', `${organization}/jobs`, { type: 'key_import' }, { params: 'is required' }],
    [
      'POST',
      `${organization}/jobs`,
      { type: 'key_import', params: { format: 'csv' } },
      { 'params.data': 'is required' },
    ],
    [
      'GET',
      `${organization}/events?since=yesterday`,
      undefined,
      { since: 'must be a time such as 2026-01-31T12:00:00Z' },
    ],
  ] as const
  for (const [method, path, body, told] of asked) {
    const answer = await gateway.api<{ errors: { path: string; message: string }[] }>(method, path, body)
    const errors = Object.fromEntries(answer.body.errors?.map((error) => [error.path, error.message]) ?? [])
    expect([path, answer.status, errors]).toEqual([path, 422, told])
  }
})
