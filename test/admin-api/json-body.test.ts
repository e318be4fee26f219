import { afterAll, beforeAll, expect, it } from 'vitest'
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
