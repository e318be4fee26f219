import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AdminGateway, startAdmin } from '../helpers/admin.ts'

let gateway: AdminGateway
let base: string
beforeAll(async () => {
  gateway = await startAdmin()
  base = `/organizations/${gateway.organization.id}`
})
afterAll(() => gateway[Symbol.asyncDispose]())

const resources: [string, string, object][] = [
  ['an organization', '/organizations', { name: 'O' }],
  ['a key', '/api-keys', { name: 'K' }],
  ['a workspace', '/workspaces', { name: 'W' }],
  ['a service account', '/service-accounts', { name: 'S', role: 'viewer' }],
]

describe.each(resources)('PATCH of %s', (_name, collection, body) => {
  const make = async (): Promise<{ path: string; tag: string }> => {
    const list = collection === '/organizations' ? collection : `${base}${collection}`
    const made = await gateway.api<{ id: string; key?: { id: string } }>('POST', list, body)
    const tag = made.headers.get('etag') ?? ''
    return { path: `${list}/${made.body.key?.id ?? made.body.id}`, tag }
  }

  it('goes on with the tag of what is there, which creating and reading tell', async () => {
    const { path, tag } = await make()
    expect(tag).toMatch(/^"[\w-]+"$/)
    expect((await gateway.api('GET', path)).headers.get('etag')).toBe(tag)
    const first = await gateway.api('PATCH', path, { name: 'A' }, { 'if-match': tag })
    expect([first.status, first.body.name]).toEqual([200, 'A'])
    const next = first.headers.get('etag') ?? ''
    expect(next).not.toBe(tag)
    expect((await gateway.api('GET', path)).headers.get('etag')).toBe(next)
    expect((await gateway.api('PATCH', path, { name: 'B' }, { 'if-match': `"other", ${next}` })).status).toBe(200)
    expect((await gateway.api('PATCH', path, { name: 'C' }, { 'if-match': '*' })).status).toBe(200)
    expect((await gateway.api('PATCH', path, { name: 'D' })).status).toBe(200)
  })

  it('is 412 with an earlier one, and changes nothing', async () => {
    const { path, tag } = await make()
    await gateway.api('PATCH', path, { name: 'A' })
    // A weak tag never matches: RFC 9110 section 13.1.1 asks for the strong comparison.
    const now = (await gateway.api('GET', path)).headers.get('etag') ?? ''
    for (const stale of [tag, '"nonsense"', `W/${now}`, 'nonsense']) {
      const refused = await gateway.api('PATCH', path, { name: 'B' }, { 'if-match': stale })
      expect([refused.status, refused.body.code]).toEqual([412, 'PRECONDITION_FAILED'])
    }
    expect((await gateway.api('GET', path)).body.name).toBe('A')
  })

  it('lets one of several that have read the same win', async () => {
    const { path, tag } = await make()
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, number) => gateway.api('PATCH', path, { name: `N${number}` }, { 'if-match': tag })),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array.from({ length: 7 }, () => 412)])
  })
})

it('the tag of a key outlives its use', async () => {
  const { api } = gateway
  const made = await api<{ key: { id: string }; raw_key: string }>('POST', `${base}/api-keys`, { name: 'K' })
  const path = `${base}/api-keys/${made.body.key.id}`
  const [secret] = (await gateway.store.findKey(gateway.organization.id, made.body.key.id))?.secrets ?? []
  await gateway.store.touchSecrets(new Map([[secret?.id ?? '', Date.now()]]))
  const read = await api('GET', path)
  expect(read.body.last_used_at).not.toBeNull()
  expect(read.headers.get('etag')).toBe(made.headers.get('etag'))
})
