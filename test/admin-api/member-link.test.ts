import { describe, expect, it } from 'vitest'
import { type AdminGateway, startAdmin } from '../helpers/admin.ts'
import { openBrowser } from '../helpers/browser.ts'
import { logInMember, logInRoot, password } from '../helpers/operators.ts'

interface Link {
  readonly url: string
  readonly expires_at: string
}
interface Invited {
  readonly id: string
  readonly invitation: Link
}

const tokenIn = ({ url }: Link): string => url.slice(url.indexOf('#token=') + 7)
const redeem = (gateway: AdminGateway, link: Link) =>
  openBrowser(gateway.adminUrl).send('POST', '/platform/setup', { token: tokenIn(link), password })

describe('the link of a member who has not come yet', () => {
  it('is made again by an owner; the one of before ends, and the organization reads of it', async () => {
    await using gateway = await startAdmin()
    const at = `/organizations/${gateway.organization.id}`
    const owner = await logInMember(gateway, gateway.organization.id, 'owner')
    const { body: invited } = await owner.browser.send<Invited>('POST', `/platform${at}/members`, {
      email: 'late@example.com',
      role: 'engineer',
    })
    const again = await owner.browser.send<Link>('POST', `/platform${at}/members/${invited.id}/link`)
    expect(again.status).toBe(201)
    expect(again.body.url).toMatch(new RegExp(`^${gateway.adminUrl}/setup#token=[\\w-]{43}$`))
    expect(tokenIn(again.body)).not.toBe(tokenIn(invited.invitation))
    expect((await redeem(gateway, invited.invitation)).status).toBe(401)
    const [event] = (await gateway.api<{ type: string; target: string; actor: unknown }[]>('GET', `${at}/events`)).body
    expect(event).toMatchObject({
      type: 'operator.link_created',
      target: invited.id,
      actor: { type: 'operator', id: owner.id },
    })
    expect(JSON.stringify(event)).not.toContain(tokenIn(again.body))

    const entered = await redeem(gateway, again.body)
    expect([entered.status, entered.body.email]).toEqual([201, 'late@example.com'])
    // Who can log in needs none, and another password is not an owner's to hand out.
    const late = await owner.browser.send('POST', `/platform${at}/members/${invited.id}/link`)
    expect([late.status, late.body.code]).toEqual([409, 'CONFLICT'])
    expect((await gateway.api('POST', `${at}/members/${invited.id}/link`)).status).toBe(409)
  })

  it('is given once: a repeat has it until it was used, and a body is none', async () => {
    await using gateway = await startAdmin()
    const members = `/organizations/${gateway.organization.id}/members`
    const { id } = (await gateway.api<Invited>('POST', members, { email: 'late@example.com', role: 'viewer' })).body
    const make = () => gateway.api<Link>('POST', `${members}/${id}/link`, undefined, { 'idempotency-key': 'one' })
    const first = await make()
    expect((await make()).body).toEqual(first.body)
    expect((await redeem(gateway, first.body)).status).toBe(201)
    expect((await make()).body.url).toBeNull()
    expect((await gateway.api('POST', `${members}/${id}/link`, { password })).status).toBe(422)
  })

  it('is no owner’s to make for an account that leads further than their organization', async () => {
    await using gateway = await startAdmin()
    const { id: own } = gateway.organization
    const { id: victim } = await gateway.createOrg()
    const mallory = await logInMember(gateway, own, 'owner')
    const link = (id: string) => mallory.browser.send('POST', `/platform/organizations/${own}/members/${id}/link`)
    const add = (id: string, email: string) =>
      gateway.api<Invited>('POST', `/organizations/${id}/members`, { email, role: 'owner' })

    // Of two organizations, made by root, waiting for its owner.
    const { id: both } = (await add(victim, 'boss@example.com')).body
    await mallory.browser.send('POST', `/platform/organizations/${own}/members`, {
      email: 'boss@example.com',
      role: 'viewer',
    })
    // Root itself, with nothing to log in with yet.
    const root = await gateway.api<Invited>('POST', '/operators', { email: 'r@example.com', name: 'R', is_root: true })
    await mallory.browser.send('POST', `/platform/organizations/${own}/members`, {
      email: 'r@example.com',
      role: 'viewer',
    })
    // Vouched for by root: other organizations let it in as who it says it is.
    const { id: vouched } = (await add(own, 'known@example.com')).body
    // Made here, and locked out by root, who stands for it from then on.
    const stray = await mallory.browser.send<Invited>('POST', `/platform/organizations/${own}/members`, {
      email: 'stray@example.com',
      role: 'viewer',
    })
    await gateway.api('POST', `/operators/${stray.body.id}/reset-password`)
    for (const id of [both, root.body.id, vouched, stray.body.id]) {
      const answer = await link(id)
      expect([id, answer.status, answer.body.code]).toEqual([id, 403, 'FORBIDDEN'])
      expect(answer.body.detail).toContain('root alone')
      expect((await gateway.api('POST', `/organizations/${own}/members/${id}/link`)).status).toBe(201)
    }
  })

  it('leads to no more than the organization, whatever root is asked for before it is used', async () => {
    await using gateway = await startAdmin()
    const { id: own } = gateway.organization
    const other = await gateway.createOrg()
    const mallory = await logInMember(gateway, own, 'owner')
    const members = `/platform/organizations/${own}/members`
    const invite = (email: string, more = {}) =>
      mallory.browser.send<Invited>('POST', members, { email, role: 'viewer', ...more })
    const { id } = (await invite('cto@example.com')).body
    const link = await mallory.browser.send<Link>('POST', `${members}/${id}/link`)
    const { id: known } = (await invite('known@example.com', { password })).body
    for (const [operator, email] of [
      [id, 'cto@example.com'],
      [known, 'known@example.com'],
    ] as const) {
      const refused = await gateway.api('PATCH', `/operators/${operator}`, { name: 'C', is_root: true })
      expect([refused.status, refused.body.code]).toEqual([409, 'CONFLICT'])
      expect(refused.body.errors).toEqual([
        { path: 'is_root', message: expect.stringMatching(/nobody has confirmed.*OIDC.*reset its password/) },
      ])
      const added = await gateway.api('POST', `/organizations/${other.id}/members`, { email, role: 'viewer' })
      expect([added.status, added.body.code]).toEqual([409, 'CONFLICT'])
      expect((await gateway.api('GET', `/operators/${operator}`)).body).toMatchObject({ is_root: false })
    }
    // Neither is in the way of what needs nobody's word.
    expect((await gateway.api('PATCH', `/operators/${id}`, { name: 'C', is_root: false })).status).toBe(200)

    expect((await gateway.api('POST', `/operators/${id}/reset-password`)).status).toBe(201)
    expect((await gateway.api('PATCH', `/operators/${id}`, { is_root: true })).status).toBe(200)
    expect((await redeem(gateway, link.body)).status).toBe(401)
  })

  it('is an owner’s to ask for, and of members of the organization alone', async () => {
    await using gateway = await startAdmin()
    const { id: own } = gateway.organization
    const { id: foreign } = await gateway.createOrg()
    const owner = await logInMember(gateway, own, 'owner')
    const theirs = await gateway.api<Invited>('POST', `/organizations/${foreign}/members`, {
      email: 'theirs@example.com',
      role: 'viewer',
    })
    const ask = (browser: typeof owner.browser, organization: string) =>
      browser.send('POST', `/platform/organizations/${organization}/members/${theirs.body.id}/link`)
    expect((await ask(owner.browser, own)).status).toBe(404)
    expect((await ask(owner.browser, foreign)).status).toBe(404)
    const admin = await logInMember(gateway, own, 'admin')
    const invited = await owner.browser.send<Invited>('POST', `/platform/organizations/${own}/members`, {
      email: 'late@example.com',
      role: 'viewer',
    })
    const path = `/platform/organizations/${own}/members/${invited.body.id}/link`
    expect((await admin.browser.send('POST', path)).status).toBe(403)
    expect((await (await logInRoot(gateway)).browser.send('POST', path)).status).toBe(201)
  })
})
