import { describe, expect, it } from 'vitest'
import { provenOnly } from '../../src/admin-api/access.ts'
import { type AdminGateway, adminConfig, startAdmin } from '../helpers/admin.ts'
import { openBrowser } from '../helpers/browser.ts'
import { testClock } from '../helpers/clock.ts'
import { startIdentityProvider } from '../helpers/identity-provider.ts'
import { logIn, logInMember, logInRoot, password } from '../helpers/operators.ts'

const tenMinutes = 600_000
const unproven = { status: 403, body: { code: 'FORBIDDEN', proof_required: true } }

describe('a session whose log-in is more than ten minutes ago', () => {
  it('makes no credential and hands out no role, whatever the body, and may do the rest', async () => {
    const clock = testClock()
    await using gateway = await startAdmin(undefined, { clock })
    const { id: organizationId } = gateway.organization
    const { browser } = await logInRoot(gateway)
    const member = await logInMember(gateway, organizationId, 'viewer')
    const call = (endpoint: string, body: object) => {
      const [method = '', path = ''] = endpoint.split(' ')
      const filled = path.replace(':organization_id', organizationId).replace(':operator_id', member.id)
      return browser.send(method, `/platform${filled}`, body)
    }
    clock.advance(tenMinutes - 1)
    for (const endpoint of provenOnly) {
      // As far as its body, or (a reset, which has none) all the way.
      const expected = endpoint.endsWith('/reset-password') ? 201 : 422
      expect([endpoint, (await call(endpoint, { nonsense: true })).status]).toEqual([endpoint, expected])
    }
    clock.advance(1)
    const before = (await gateway.store.listEvents({}, { limit: 200 })).rows
    for (const endpoint of provenOnly) {
      for (const body of [{ nonsense: true }, { name: 'T', role: 'root', email: 'm@example.com', is_root: true }]) {
        const answer = await call(endpoint, body)
        expect([endpoint, answer.status, answer.body.proof_required]).toEqual([endpoint, 403, true])
        expect(answer.body.detail).toContain('POST /platform/sessions')
      }
    }
    expect((await gateway.store.listEvents({}, { limit: 200 })).rows).toEqual(before)
    expect((await browser.send('POST', '/platform/organizations', { name: 'Daily work' })).status).toBe(201)
    expect((await browser.send('GET', '/platform/operators')).status).toBe(200)
  })

  it('is made good by another log-in, and a copy of the cookie from before is not let in by it', async () => {
    const clock = testClock()
    await using gateway = await startAdmin(undefined, { clock })
    const { email, browser } = await logInMember(gateway, gateway.organization.id, 'owner')
    const make = (who = browser) => who.send('POST', '/platform/tokens', { name: 'T', role: 'owner' })
    const thief = openBrowser(gateway.adminUrl, new Map(browser.cookies))
    clock.advance(tenMinutes)
    expect(await make()).toMatchObject(unproven)
    expect(await make(thief)).toMatchObject(unproven)
    const wrong = await browser.send('POST', '/platform/sessions', { email, password: 'wrong' })
    expect([wrong.status, (await make()).status]).toEqual([401, 403])
    await logIn(gateway.adminUrl, email, browser)
    expect((await make()).status).toBe(201)
    expect((await make(thief)).status).toBe(401)
  })

  it('is told so only where it may do the thing at all', async () => {
    const clock = testClock()
    await using gateway = await startAdmin(undefined, { clock })
    const { id: foreign } = await gateway.createOrg()
    const { browser } = await logInMember(gateway, gateway.organization.id, 'viewer')
    clock.advance(tenMinutes)
    const invite = (id: string) => browser.send('POST', `/platform/organizations/${id}/members`, {})
    const [own, theirs] = [await invite(gateway.organization.id), await invite(foreign)]
    expect([own.status, own.body.proof_required, theirs.status]).toEqual([403, undefined, 404])
    const operators = await browser.send('POST', '/platform/operators', {})
    expect([operators.status, operators.body.proof_required]).toEqual([403, undefined])
  })

  it('reads until when it is good in GET /me; tokens are not asked', async () => {
    const clock = testClock()
    await using gateway = await startAdmin(undefined, { clock })
    const { browser } = await logInRoot(gateway)
    const until = new Date(clock.now() + tenMinutes).toISOString()
    expect((await browser.send('GET', '/platform/me')).body.proved_until).toBe(until)
    const made = await browser.send<{ raw_token: string }>('POST', '/platform/tokens', { name: 'T', role: 'root' })
    clock.advance(tenMinutes)
    const script = gateway.as(made.body.raw_token)
    expect((await script('GET', '/me')).body.proved_until).toBeNull()
    expect((await script('POST', '/operators', { email: 'n@example.com', name: 'N' })).status).toBe(201)
    expect((await gateway.api('POST', '/operators', { email: 'o@example.com', name: 'O' })).status).toBe(201)
  })

  it('that a link began counts from the link', async () => {
    const clock = testClock()
    await using gateway = await startAdmin(undefined, { clock })
    const invited = await gateway.api<{ invitation: { url: string } }>('POST', '/operators', {
      email: 'ada@example.com',
      name: 'Ada',
      is_root: true,
    })
    const browser = openBrowser(gateway.adminUrl)
    const token = invited.body.invitation.url.split('#token=')[1]
    expect((await browser.send('POST', '/platform/setup', { token, password })).status).toBe(201)
    const make = () => browser.send('POST', '/platform/tokens', { name: 'T', role: 'root' })
    expect((await make()).status).toBe(201)
    clock.advance(tenMinutes)
    expect(await make()).toMatchObject(unproven)
  })
})

describe('a session of an identity provider', () => {
  const redirectUrl = 'http://localhost:9090/platform/auth/oidc/callback'

  async function startBoth() {
    const provider = await startIdentityProvider({ redirectUrl })
    provider.person = { sub: 'ada', email: 'ada@example.com', email_verified: true, groups: ['platform'] }
    const clock = testClock(Date.now())
    const yaml = `
keys: { reveal: true }
admin:
  listen: 127.0.0.1:0
  oidc:
    issuer: ${provider.issuer}
    client_id: sallyport
    client_secret: \${OIDC_SECRET}
    redirect_url: ${redirectUrl}
    role_mapping: { platform: { root: true } }
${adminConfig}`
    const gateway = await startAdmin(yaml, { clock, env: { OIDC_SECRET: 'the secret of the client' } })
    const browser = openBrowser(gateway.adminUrl)
    /** @returns what the provider was asked for. */
    const logInThere = async (query = ''): Promise<URLSearchParams> => {
      const begun = await browser.send('GET', `/platform/auth/oidc${query}`)
      const asked = new URL(String(begun.headers.location))
      const returned = await provider.consent(asked.href)
      const ended = await browser.send('GET', returned.pathname + returned.search)
      expect(ended.status).toBe(302)
      return asked.searchParams
    }
    return {
      gateway,
      browser,
      clock,
      logInThere,
      make: () => browser.send('POST', '/platform/tokens', { name: 'T', role: 'root' }),
      async [Symbol.asyncDispose]() {
        await gateway[Symbol.asyncDispose]()
        await provider[Symbol.asyncDispose]()
      },
    }
  }

  it('counts from the log-in where the provider says nothing else, and is told how to prove it again', async () => {
    await using both = await startBoth()
    const asked = await both.logInThere()
    expect([asked.has('prompt'), asked.has('max_age')]).toEqual([false, false])
    expect((await both.make()).status).toBe(201)
    both.clock.advance(tenMinutes)
    const refused = await both.make()
    expect(refused).toMatchObject(unproven)
    expect(refused.body.detail).toContain('/platform/auth/oidc?prompt=login')
    const again = await both.logInThere('?prompt=login')
    expect([again.get('prompt'), again.get('max_age')]).toEqual(['login', '600'])
  })

  it('counts from when the provider asked, where it says when: having been known there is no proof', async () => {
    await using both = await startBoth()
    // To the gateway the provider's answer of now is of twenty minutes ago.
    both.clock.advance(2 * tenMinutes)
    await both.logInThere('?prompt=login')
    expect((await both.browser.send('GET', '/platform/me')).status).toBe(200)
    expect(await both.make()).toMatchObject(unproven)
  })

  it('takes nothing but prompt=login', async () => {
    await using both = await startBoth()
    for (const prompt of ['none', '', 'login%20consent']) {
      expect((await both.browser.send('GET', `/platform/auth/oidc?prompt=${prompt}`)).status).toBe(422)
    }
  })

  it('sees a key again without a password, which it does not have, while the log-in is fresh', async () => {
    await using both = await startBoth()
    const reveal = await revealOf(both.gateway)
    await both.logInThere()
    const shown = await both.browser.send('POST', reveal.path)
    expect([shown.status, shown.body]).toEqual([200, { raw_key: reveal.raw }])
    both.clock.advance(tenMinutes)
    expect(await both.browser.send('POST', reveal.path)).toMatchObject(unproven)
    expect(await both.browser.send('POST', reveal.path, { password })).toMatchObject(unproven)
  })
})

async function revealOf({ api, organization }: AdminGateway): Promise<{ path: string; raw: string }> {
  const keys = `/organizations/${organization.id}/api-keys`
  const made = await api<{ key: { id: string }; raw_key: string }>('POST', keys, { name: 'CI' })
  return { path: `/platform${keys}/${made.body.key.id}/reveal`, raw: made.body.raw_key }
}
