import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AdminGateway, startAdmin } from '../helpers/admin.ts'

let gateway: AdminGateway
let base: string
beforeAll(async () => {
  gateway = await startAdmin()
  base = `/organizations/${gateway.organization.id}`
})
afterAll(() => gateway[Symbol.asyncDispose]())

interface Item {
  id: string
}

const resources: [string, () => string, (number: number) => object][] = [
  ['organizations', () => '/organizations', (number) => ({ name: `O${number}` })],
  ['api-keys', () => `${base}/api-keys`, (number) => ({ name: `K${number}` })],
  ['workspaces', () => `${base}/workspaces`, (number) => ({ name: `W${number}` })],
  ['service-accounts', () => `${base}/service-accounts`, (number) => ({ name: `S${number}`, role: 'viewer' })],
]

describe.each(resources)('the list of %s', (_name, pathOf, body) => {
  const makeOne = async (number: number) => {
    const { status, body: made } = await gateway.api<Item & { key?: Item }>('POST', pathOf(), body(number))
    expect(status).toBe(201)
    return made.key?.id ?? made.id
  }

  it('is a bare array, newest first, whose pages are not shifted by what is made meanwhile', async () => {
    const path = pathOf()
    const ids: string[] = []
    for (let number = 0; number < 5; number++) ids.unshift(await makeOne(number))
    const before = await gateway.api<Item[]>('GET', `${path}?limit=200`)
    expect(before.body.slice(0, 5).map(({ id }) => id)).toEqual(ids)
    const all = before.body.map(({ id }) => id)

    const seen: string[] = []
    let url: string | undefined = `${path}?limit=2`
    while (url !== undefined) {
      const page: { headers: Headers; body: Item[] } = await gateway.api<Item[]>('GET', url)
      expect(page.body.length).toBeLessThanOrEqual(2)
      seen.push(...page.body.map(({ id }) => id))
      await makeOne(100 + seen.length)
      const link: string | null = page.headers.get('link')
      if (link !== null) expect(link).toMatch(/^<\/platform\/[^>]+[?&]cursor=[^>]+>; rel="next"$/)
      url = link === null ? undefined : /<\/platform(.+)>/.exec(link)?.[1]
    }
    expect(seen).toEqual(all)
  })

  it('has at most `limit`, 50 by default and 200 at most', async () => {
    const path = pathOf()
    const answer = await gateway.api<Item[]>('GET', `${path}?limit=1`)
    expect(answer.body).toHaveLength(1)
    for (const query of ['limit=0', 'limit=201', 'limit=-1', 'limit=1.5', 'limit=', 'limit=1&limit=2', 'offset=1']) {
      const { status, body } = await gateway.api('GET', `${path}?${query}`)
      expect([query, status, body.code]).toEqual([query, 422, 'VALIDATION_FAILED'])
    }
  })
})

it('gives 50 where nothing is said, and keeps filters in the link to the next page', async () => {
  const { api, store, organization } = gateway
  for (let number = 0; number < 52; number++) {
    await store.createWorkspace({ organizationId: organization.id, name: `N${number}` }, { type: 'cli', id: null })
  }
  const page = await api<Item[]>('GET', `${base}/workspaces`)
  expect(page.body).toHaveLength(50)
  expect(page.headers.get('link')).toContain(`cursor=${page.body[49]?.id}`)
  await api('POST', `${base}/api-keys`, { name: 'find me' })
  await api('POST', `${base}/api-keys`, { name: 'find me too' })
  const filtered = await api<Item[]>('GET', `${base}/api-keys?limit=1&status=active&q=find%20me`)
  expect(filtered.headers.get('link')).toMatch(/[?&]status=active&q=find[+]me&cursor=key_/)
})
