import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AdminGateway, adminConfig, startAdmin } from '../helpers/admin.ts'
import type { Browser } from '../helpers/browser.ts'
import { logInRoot } from '../helpers/operators.ts'

interface Answer {
  readonly id: string
  readonly errors: readonly { path: string; message: string }[]
}

let gateway: AdminGateway
let organization: string
/** Tokens are made by people alone, who have logged in. */
let person: Browser
beforeAll(async () => {
  gateway = await startAdmin(`${adminConfig}\nwebhooks: { allow_private: true }\n`)
  organization = `/organizations/${gateway.organization.id}`
  person = (await logInRoot(gateway)).browser
})
afterAll(() => gateway[Symbol.asyncDispose]())

const url = 'http://127.0.0.1:9/'
/** Where something is made and changed, the field that names it, and what else a new one needs. */
const named: readonly [what: string, collection: () => string, field: string, others: object][] = [
  ['an organization', () => '/organizations', 'name', {}],
  ['a workspace', () => `${organization}/workspaces`, 'name', {}],
  ['a service account', () => `${organization}/service-accounts`, 'name', { role: 'viewer' }],
  ['a webhook', () => `${organization}/webhooks`, 'description', { url, events: ['*'] }],
  ['a key', () => `${organization}/api-keys`, 'name', {}],
  ['an operator', () => '/operators', 'name', { email: 'o@example.com', password: 'correct horse battery' }],
  ['a personal token', () => '/tokens', 'name', { role: 'viewer' }],
]

// Written as they come in JSON: an escape, which no parser of HTTP minds.
const badLines = [
  'a\\u0000b',
  'a\\r\\nb',
  'a\\nb',
  'a\\tb',
  'a\\u001bb',
  'a\\u0085b',
  'a\\u2028b',
  'a\\ud800b',
  'a\\udc00',
]

const bodyWith = (field: string, name: string, others: object) =>
  `{"${field}":"${name}",${JSON.stringify(others).slice(1)}`.replace(',}', '}')

describe.each(named)('the name of %s', (_, collection, field, others) => {
  it.each(badLines)('is refused as %s', async (name) => {
    const wanted = bodyWith(field, name, others)
    const { status, body: problem } =
      collection() === '/tokens'
        ? await person.send<Answer>('POST', '/platform/tokens', JSON.parse(wanted))
        : await gateway.api<Answer>('POST', collection(), wanted)
    expect([status, problem.errors]).toEqual([422, [{ path: field, message: expect.stringContaining('control') }]])
  })
})

describe.each(named.slice(0, 5))('the name of %s', (_, collection, field, others) => {
  it('may be in any script, and is not changed to a bad one', async () => {
    const wanted = bodyWith(field, 'Zürich 株式会社 🛥️', others)
    const made = await gateway.api<Answer & { key?: Answer }>('POST', collection(), wanted)
    expect(made.status).toBe(201)
    const { id } = made.body.key ?? made.body
    const path = `${collection()}/${id}`
    for (const bad of badLines) {
      const answer = await gateway.api<Answer>('PATCH', path, `{"${field}":"${bad}"}`)
      expect([bad, answer.status, answer.body.errors?.[0]?.path]).toEqual([bad, 422, field])
    }
    expect((await gateway.api('GET', path)).body).toMatchObject({ [field]: 'Zürich 株式会社 🛥️' })
  })
})

describe('descriptions and reasons', () => {
  const places: readonly [string, () => string, (text: string) => string, string][] = [
    ['of a key', () => `${organization}/api-keys`, (text) => `{"name":"K","description":"${text}"}`, 'description'],
    [
      'of a service account',
      () => `${organization}/service-accounts`,
      (text) => `{"name":"S","role":"viewer","description":"${text}"}`,
      'description',
    ],
    [
      'of a bulk revocation',
      () => `${organization}/jobs`,
      (text) => `{"type":"bulk_revoke","params":{"q":"nothing","reason":"${text}"}}`,
      'params.reason',
    ],
  ]
  it.each(places)('%s may have several lines, and no other control characters', async (_, path, body, field) => {
    for (const bad of ['a\\u0000b', 'a\\u001bb', 'a\\ud800']) {
      const { status, body: problem } = await gateway.api<Answer>('POST', path(), body(bad))
      expect([bad, status, problem.errors]).toEqual([
        bad,
        422,
        [{ path: field, message: expect.stringContaining('control') }],
      ])
    }
    expect((await gateway.api('POST', path(), body('One\\r\\n\\ttwo'))).status).toBeLessThan(300)
  })

  it('the reason of a suspension and of a revocation keep to the same', async () => {
    const { record } = await gateway.createKey()
    for (const [method, path] of [
      ['PATCH', organization],
      ['POST', `${organization}/api-keys/${record.id}/revoke`],
    ] as const) {
      const status = method === 'PATCH' ? '"status":"active",' : ''
      const answer = await gateway.api<Answer>(method, path, `{${status}"reason":"a\\u0000b"}`)
      expect([answer.status, answer.body.errors?.[0]?.path]).toEqual([422, 'reason'])
      expect((await gateway.api(method, path, `{${status}"reason":"One\\ntwo"}`)).status).toBe(200)
    }
  })
})
