import { describe, expect, it } from 'vitest'
import { type AdminGateway, startAdmin } from '../helpers/admin.ts'
import type { Browser } from '../helpers/browser.ts'
import { testClock } from '../helpers/clock.ts'
import { logInMember, logInRoot } from '../helpers/operators.ts'

interface Made {
  readonly token: { readonly id: string; readonly suffix: string; readonly last_used_at: string | null }
  readonly raw_token: string
}

const make = (browser: Browser, body: object) =>
  browser.send<Made>('POST', '/platform/tokens', { name: 'Script', ...body })

/** What a token lets its bearer do in an organization. */
async function reach({ as }: AdminGateway, token: string, organizationId: string) {
  const read = await as(token)('GET', `/organizations/${organizationId}/members`)
  const write = await as(token)('POST', `/organizations/${organizationId}/members`, {
    email: `x${Math.random()}@example.com`,
    role: 'viewer',
  })
  return [read.status, write.status]
}

describe('personal admin tokens', () => {
  it('are shown once, work as a bearer, and carry no more than their role', async () => {
    await using gateway = await startAdmin()
    const organizationId = gateway.organization.id
    const { id, browser } = await logInMember(gateway, organizationId, 'owner')
    const { status, body } = await make(browser, { role: 'viewer' })
    expect(status).toBe(201)
    expect(body.raw_token).toMatch(/^spat_[\w-]{43}$/)
    expect(body.token).toMatchObject({
      id: expect.stringMatching(/^pat_/),
      operator_id: id,
      role: 'viewer',
      organization_id: null,
      suffix: body.raw_token.slice(-4),
      last_used_at: null,
    })
    expect(await reach(gateway, body.raw_token, organizationId)).toEqual([200, 403])
    const strong = await make(browser, { role: 'owner' })
    expect(await reach(gateway, strong.body.raw_token, organizationId)).toEqual([200, 201])
    const listed = await browser.send<Made['token'][]>('GET', '/platform/tokens')
    expect(listed.body.map((token) => token.id)).toEqual([strong.body.token.id, body.token.id])
    expect(listed.body[0]?.last_used_at).not.toBeNull()
    expect(JSON.stringify(listed.body)).not.toContain(body.raw_token.slice(5))
  })

  it('lose with their owner what the owner loses, at once', async () => {
    await using gateway = await startAdmin()
    const organizationId = gateway.organization.id
    await logInMember(gateway, organizationId, 'owner')
    const { id, browser } = await logInMember(gateway, organizationId, 'owner')
    const { raw_token: token } = (await make(browser, { role: 'owner' })).body
    const member = `/organizations/${organizationId}/members/${id}`
    expect(await reach(gateway, token, organizationId)).toEqual([200, 201])
    await gateway.api('PATCH', member, { role: 'viewer' })
    expect(await reach(gateway, token, organizationId)).toEqual([200, 403])
    await gateway.api('DELETE', member)
    expect(await reach(gateway, token, organizationId)).toEqual([404, 404])
    expect((await gateway.as(token)('GET', '/me')).body).toMatchObject({ via: 'personal_token', roles: [] })
    await gateway.api('DELETE', `/operators/${id}`)
    expect((await gateway.as(token)('GET', '/me')).status).toBe(401)
  })

  it('end when they expire and when they are revoked', async () => {
    const clock = testClock()
    await using gateway = await startAdmin(undefined, { clock })
    const { browser } = await logInMember(gateway, gateway.organization.id, 'viewer')
    const short = (await make(browser, { role: 'viewer', expires_in_days: 1 })).body
    const lasting = (await make(browser, { role: 'viewer', expires_in_days: null })).body
    const status = async (token: string) => (await gateway.as(token)('GET', '/me')).status
    expect([await status(short.raw_token), await status(lasting.raw_token)]).toEqual([200, 200])
    expect((await browser.send('DELETE', `/platform/tokens/${lasting.token.id}`)).status).toBe(204)
    expect(await status(lasting.raw_token)).toBe(401)
    clock.advance(86_400_000)
    expect(await status(short.raw_token)).toBe(401)
  })

  it('are never made above their owner, and never by another token', async () => {
    await using gateway = await startAdmin()
    const organizationId = gateway.organization.id
    const { id: elsewhere } = await gateway.createOrg()
    const { browser } = await logInMember(gateway, organizationId, 'engineer')
    const status = async (body: object) => (await make(browser, body)).status
    expect(await status({ role: 'admin' })).toBe(403)
    expect(await status({ role: 'root' })).toBe(403)
    expect(await status({ role: 'admin', organization_id: organizationId })).toBe(403)
    expect(await status({ role: 'viewer', organization_id: elsewhere })).toBe(404)
    expect(await status({ role: 'viewer', organization_id: 'org_none' })).toBe(404)
    expect(await status({ role: 'viewer', expires_in_days: 366 })).toBe(422)
    const { raw_token: token } = (await make(browser, { role: 'engineer' })).body
    expect((await gateway.as(token)('POST', '/tokens', { name: 'More', role: 'viewer' })).status).toBe(403)
    expect((await gateway.api('POST', '/tokens', { name: 'More', role: 'root' })).status).toBe(403)
    expect((await gateway.as(token)('PATCH', '/me', { name: 'Me' })).status).toBe(403)
  })

  it('can be held to one organization', async () => {
    await using gateway = await startAdmin()
    const { id: first } = gateway.organization
    const { id: second } = await gateway.createOrg()
    const { id, browser } = await logInMember(gateway, first, 'owner')
    await gateway.store.addMember(second, id, 'owner', { type: 'cli', id: null })
    const { raw_token: token } = (await make(browser, { role: 'owner', organization_id: second })).body
    expect(await reach(gateway, token, second)).toEqual([200, 201])
    expect(await reach(gateway, token, first)).toEqual([404, 404])
  })

  it('of root are root’s, or have one organization and a role in it', async () => {
    await using gateway = await startAdmin()
    const { id: organizationId } = gateway.organization
    const { id: other } = await gateway.createOrg()
    const { browser } = await logInRoot(gateway)
    expect((await make(browser, { role: 'viewer' })).status).toBe(422)
    expect((await make(browser, { role: 'root', organization_id: organizationId })).status).toBe(422)
    for (const nobodys of ['org_none', gateway.organization.slug, '\u202e']) {
      expect((await make(browser, { role: 'admin', organization_id: nobodys })).status).toBe(404)
    }
    const root = (await make(browser, { role: 'root' })).body.raw_token
    expect((await gateway.as(root)('GET', '/operators')).status).toBe(200)
    const held = (await make(browser, { role: 'admin', organization_id: organizationId })).body.raw_token
    expect(await reach(gateway, held, organizationId)).toEqual([200, 403])
    expect(await reach(gateway, held, other)).toEqual([404, 404])
    expect((await gateway.as(held)('GET', '/operators')).status).toBe(403)
    expect((await gateway.as(held)('GET', '/me')).body.is_root).toBe(false)
  })

  it('are nobody else’s business', async () => {
    await using gateway = await startAdmin()
    const { browser } = await logInMember(gateway, gateway.organization.id, 'viewer')
    const owner = await logInMember(gateway, gateway.organization.id, 'owner')
    const { token } = (await make(browser, { role: 'viewer' })).body
    expect((await owner.browser.send('DELETE', `/platform/tokens/${token.id}`)).status).toBe(404)
    expect((await owner.browser.send<unknown[]>('GET', '/platform/tokens')).body).toEqual([])
  })
})
