import { describe, expect, it } from 'vitest'
import { startAdmin } from '../helpers/admin.ts'
import { testActor } from '../helpers/gateway.ts'
import { logInMember } from '../helpers/operators.ts'

interface Me {
  readonly roles: readonly { readonly organization_id: string; readonly role: string }[]
  readonly roles_total: number
}
interface Organization {
  readonly id: string
  readonly name: string
  readonly slug: string
}

describe('an operator of more organizations than one answer holds', () => {
  it('is told how many, has the role of each for the asking, and finds each by a part of its name', async () => {
    await using gateway = await startAdmin()
    const { id, browser } = await logInMember(gateway, gateway.organization.id, 'viewer')
    const many: string[] = []
    for (let number = 0; number < 230; number++) {
      const made = await gateway.createOrg({ name: `Branch ${number}` })
      await gateway.store.addMember(made.id, id, number === 0 ? 'owner' : 'engineer', testActor)
      many.push(made.id)
    }
    await gateway.createOrg({ name: 'Branch of somebody else' })
    const ask = async (query = '') => (await browser.send<Me>('GET', `/platform/me${query}`)).body
    const all = await ask()
    expect([all.roles.length, all.roles_total]).toEqual([200, 231])
    const [first = ''] = many
    expect(all.roles.some(({ organization_id: one }) => one === first)).toBe(false)
    expect(await ask(`?organization_id=${first}`)).toMatchObject({
      roles: [{ organization_id: first, organization_name: 'Branch 0', role: 'owner' }],
      roles_total: 231,
    })
    const { id: foreign } = await gateway.createOrg({ name: 'Foreign' })
    expect((await ask(`?organization_id=${foreign}`)).roles).toEqual([])

    const find = async (q: string) =>
      (await browser.send<Organization[]>('GET', `/platform/organizations?limit=200&q=${encodeURIComponent(q)}`)).body
    expect((await find('bRANCH 11')).map(({ name }) => name).sort()).toEqual(
      ['Branch 11', ...Array.from({ length: 10 }, (_, at) => `Branch 11${at}`)].sort(),
    )
    expect((await find('branch-229')).map(({ name }) => name)).toEqual(['Branch 229'])
    expect(await find('%')).toEqual([])
    expect(await find('somebody')).toEqual([])
    expect((await gateway.api<Organization[]>('GET', '/organizations?q=somebody')).body).toHaveLength(1)
    const pages = await browser.send<Organization[]>('GET', '/platform/organizations?limit=5&q=branch')
    expect([pages.body.length, pages.headers.link]).toEqual([5, expect.stringContaining('q=branch')])
    expect((await browser.send('GET', '/platform/organizations?q=')).status).toBe(422)
  })
})
