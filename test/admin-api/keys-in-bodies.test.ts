import { afterAll, beforeAll, expect, it } from 'vitest'
import { type AdminGateway, startAdmin } from '../helpers/admin.ts'

let gateway: AdminGateway
let raw: string
let organization: string
beforeAll(async () => {
  gateway = await startAdmin()
  ;({ raw } = await gateway.createKey())
  organization = `/organizations/${gateway.organization.id}`
})
afterAll(() => gateway[Symbol.asyncDispose]())

const escaped = (text: string) => Array.from(text, (char) => `\\u00${char.charCodeAt(0).toString(16)}`).join('')
const encoded = (text: string) => Array.from(text, (char) => `%${char.charCodeAt(0).toString(16)}`).join('')

it.each([
  ['a name', '/api-keys', () => ({ name: `was ${raw}` })],
  ['a description', '/api-keys', () => ({ name: 'x', description: `was ${raw}` })],
  ['metadata', '/api-keys', () => ({ name: 'x', metadata: { old: [raw] } })],
  ['a name in metadata', '/api-keys', () => ({ name: 'x', metadata: { [raw]: 1 } })],
  ['a field that there is not', '/api-keys', () => ({ name: 'x', [raw]: 1 })],
  ['percent-encoding', '/workspaces', () => ({ name: encoded(raw) })],
  ['escapes of JSON', '/workspaces', () => `{"name":"${escaped(raw)}"}`],
  ['a URL', '/webhooks', () => ({ url: `https://example.com/${raw}`, events: ['*'] })],
  ['a reason', '/jobs', () => ({ type: 'bulk_revoke', params: { all: true, reason: raw } })],
])('a key in %s is refused, and not told again', async (_what, path, body) => {
  const { status, body: problem } = await gateway.api('POST', `${organization}${path}`, body())
  expect([status, problem]).toEqual([422, expect.objectContaining({ code: 'VALIDATION_FAILED' })])
  expect(problem.errors).toEqual([{ path: '', message: expect.stringContaining('looks like a key') }])
  expect(JSON.stringify(problem)).not.toContain(raw.slice(12))
})

it('a key in the URL of the admin API is refused, and not told again', async () => {
  for (const path of [
    `${organization}/api-keys?limit=1&q=${raw}`,
    `${organization}/api-keys/${raw}`,
    `${organization}/api-keys/${encoded(raw)}`,
  ]) {
    const { status, headers, body } = await gateway.api('GET', path)
    expect([path, status, body.code]).toEqual([path, 400, 'QUERY_TOKEN_REJECTED'])
    expect(JSON.stringify([body, ...headers])).not.toContain(raw.slice(12))
  }
})

it('the import of keys is what raw keys are for', async () => {
  const data = `{"name":"Imported","raw_key":"${gateway.unknownKey()}"}`
  const { status } = await gateway.api('POST', `${organization}/jobs`, {
    type: 'key_import',
    params: { format: 'jsonl', data },
  })
  expect(status).toBe(202)
})
