import { describe, expect, it } from 'vitest'
import { claimValues } from '../../src/admin-api/login/oidc-roles.ts'
import { type AdminGateway, startAdmin } from '../helpers/admin.ts'
import { type Browser, openBrowser } from '../helpers/browser.ts'
import { type IdentityProvider, startIdentityProvider } from '../helpers/identity-provider.ts'
import { logInMember, password } from '../helpers/operators.ts'

const redirectUrl = 'http://localhost:9090/platform/auth/oidc/callback'
const mapping = `
      staff: { role: viewer, organization: acme }
      leads: { role: owner, organization: acme }
      platform: { root: true }
      lost: { role: owner, organization: nowhere }`
const ada = { sub: 'ada', email: 'Ada@example.com', email_verified: true, name: 'Ada Lovelace', groups: ['staff'] }

/** A gateway that trusts a provider of its own. */
async function startBoth(
  { roleClaim = 'groups', roles = mapping, secret = `\${OIDC_SECRET}` } = {},
  provided: Partial<Parameters<typeof startIdentityProvider>[0]> = {},
): Promise<{ gateway: AdminGateway; provider: IdentityProvider } & AsyncDisposable> {
  const provider = await startIdentityProvider({ redirectUrl, ...provided })
  const yaml = `
admin:
  listen: 127.0.0.1:0
  oidc:
    issuer: ${provider.issuer}
    client_id: sallyport
    client_secret: ${secret}
    redirect_url: ${redirectUrl}
    role_claim: ${roleClaim}
    role_mapping: ${roles}
`
  const gateway = await startAdmin(yaml, { env: { OIDC_SECRET: 'the secret of the client' } })
  return {
    gateway,
    provider,
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]()
      await provider[Symbol.asyncDispose]()
    },
  }
}

/** To the provider and back, as a browser goes. @param change what comes back before it is sent on. */
async function logIn(
  { gateway, provider }: { gateway: AdminGateway; provider: IdentityProvider },
  browser: Browser = openBrowser(gateway.adminUrl),
  change: (returned: URL) => void = () => {},
) {
  const begun = await browser.send('GET', '/platform/auth/oidc')
  if (begun.status !== 302) return { browser, answer: begun }
  const returned = await provider.consent(String(begun.headers.location))
  change(returned)
  const path = returned.pathname + returned.search
  return { browser, path, answer: await browser.send('GET', path, undefined, { 'sec-fetch-site': 'cross-site' }) }
}

const me = async (browser: Browser) =>
  (await browser.send<{ email: string; is_root: boolean; roles: { role: string }[] }>('GET', '/platform/me')).body

describe('log-in with an identity provider', () => {
  it('lets somebody in whom a mapping knows, with the role that it gives', async () => {
    await using both = await startBoth()
    both.provider.person = ada
    const { browser, answer } = await logIn(both)
    expect([answer.status, answer.headers.location]).toEqual([302, '/'])
    expect(await me(browser)).toMatchObject({
      email: 'ada@example.com',
      name: 'Ada Lovelace',
      via: 'session',
      has_password: false,
      is_root: false,
      roles: [{ organization_id: both.gateway.organization.id, role: 'viewer' }],
    })
    expect([...browser.cookies.keys()]).toEqual(['sallyport_session'])
    const [session] = (await browser.send<{ method: string }[]>('GET', '/platform/sessions')).body
    expect(session?.method).toBe('oidc')
  })

  it('asks with PKCE, state and nonce, and never shows the secret', async () => {
    await using both = await startBoth()
    const browser = openBrowser(both.gateway.adminUrl)
    const begun = await browser.send('GET', '/platform/auth/oidc')
    const { searchParams } = new URL(String(begun.headers.location))
    expect(Object.fromEntries(searchParams)).toMatchObject({
      response_type: 'code',
      code_challenge_method: 'S256',
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      state: expect.stringMatching(/^[\w-]{43}$/),
      nonce: expect.stringMatching(/^[\w-]{43}$/),
      redirect_uri: redirectUrl,
    })
    expect(begun.setCookies[0]).toMatch(/^sallyport_oidc=[\w-]+; Max-Age=600; Path=\/; HttpOnly; SameSite=Lax$/)
    expect(JSON.stringify(begun)).not.toContain('the secret of the client')
  })

  it.each([{ claimsInIdToken: true }, { authMethod: 'client_secret_post' as const }])(
    'works with providers of other habits: %o',
    async (provided) => {
      await using both = await startBoth({}, provided)
      both.provider.person = ada
      expect((await logIn(both)).answer.status).toBe(302)
    },
  )

  it('takes the highest role of several, and root above them', async () => {
    await using both = await startBoth()
    both.provider.person = { ...ada, groups: ['leads', 'staff', 'lost'] }
    expect((await me((await logIn(both)).browser)).roles).toMatchObject([{ role: 'owner' }])
    both.provider.person = { ...ada, sub: 'grace', email: 'grace@example.com', groups: 'platform' }
    expect(await me((await logIn(both)).browser)).toMatchObject({ is_root: true, roles: [] })
  })

  it('reads a claim that is one deeper', async () => {
    await using both = await startBoth({ roleClaim: 'realm_access.roles' })
    both.provider.person = { ...ada, groups: undefined, realm_access: { roles: ['leads'] } }
    expect((await me((await logIn(both)).browser)).roles).toMatchObject([{ role: 'owner' }])
    expect(claimValues({ a: { b: 'x' } }, 'a.b')).toEqual(['x'])
    expect(claimValues({ 'a.b': ['y', 1, null], a: { b: 'x' } }, 'a.b')).toEqual(['y'])
    expect(claimValues({ a: 'x' }, 'a.length')).toEqual([])
    expect(claimValues({}, 'constructor.name')).toEqual([])
  })

  it('takes back with the next log-in what the mapping no longer gives, and leaves alone what was given by hand', async () => {
    await using both = await startBoth()
    const { gateway, provider } = both
    provider.person = { ...ada, groups: ['leads', 'platform'] }
    const { browser } = await logIn(both)
    expect((await me(browser)).is_root).toBe(true)
    provider.person = { ...ada, groups: ['staff'] }
    await logIn(both, browser)
    expect(await me(browser)).toMatchObject({ is_root: false, roles: [{ role: 'viewer' }] })
    const { id: operatorId } = (await gateway.api<{ id: string }[]>('GET', '/operators')).body[0] ?? { id: '' }
    const { id: second } = await gateway.createOrg()
    await gateway.store.addMember(second, operatorId, 'engineer', { type: 'cli', id: null })
    provider.person = { ...ada, groups: [] }
    await logIn(both, browser)
    expect((await me(browser)).roles).toMatchObject([{ organization_id: second, role: 'engineer' }])
    await gateway.api('DELETE', `/organizations/${second}/members/${operatorId}`)
    expect((await logIn(both)).answer.status).toBe(403)
  })

  it.each([
    ['unknown, and in no group', { ...ada, groups: [] }],
    ['unknown, and in a group of no meaning', { ...ada, groups: ['constructor', '__proto__', 'lost'] }],
    ['whose address nobody has verified', { ...ada, email_verified: false }],
    ['of whose address nothing is said', { sub: 'ada', email: 'ada@example.com', groups: ['staff'] }],
    ['without an address', { ...ada, email: 'ada' }],
  ])('refuses somebody %s', async (_what, person) => {
    await using both = await startBoth()
    both.provider.person = person
    const { browser, answer } = await logIn(both)
    expect([answer.status, answer.body.code]).toEqual([403, 'FORBIDDEN'])
    expect(browser.cookies.size).toBe(0)
    expect(await both.gateway.store.listOperators()).toEqual([])
  })

  it('joins somebody to the account that root made for the address', async () => {
    await using both = await startBoth({ roles: '{}' })
    const { gateway, provider } = both
    const { id, email } = await logInMember(gateway, gateway.organization.id, 'engineer')
    provider.person = { sub: 'x', email, email_verified: true }
    expect(await me((await logIn(both)).browser)).toMatchObject({ id, roles: [{ role: 'engineer' }] })
    // Known by the subject from here on, whatever the address.
    provider.person = { sub: 'x', email: 'new@example.com', email_verified: true }
    expect(await me((await logIn(both)).browser)).toMatchObject({ id, email })
    // And the address is not somebody else's to come with.
    provider.person = { sub: 'y', email, email_verified: true }
    expect((await logIn(both)).answer.status).toBe(403)
  })

  it('takes away what a stranger set up on an address before its owner came', async () => {
    await using both = await startBoth()
    const { gateway, provider } = both
    const mallory = await logInMember(gateway, gateway.organization.id, 'owner')
    const members = `/platform/organizations/${gateway.organization.id}/members`
    await mallory.browser.send('POST', members, { email: 'ada@example.com', role: 'viewer', password })
    const waiting = openBrowser(gateway.adminUrl)
    const log = () => waiting.send('POST', '/platform/sessions', { email: 'ada@example.com', password })
    expect((await log()).status).toBe(201)
    const token = await waiting.send<{ raw_token: string }>('POST', '/platform/tokens', { name: 'T', role: 'viewer' })
    provider.person = { ...ada, groups: ['platform'] }
    expect((await me((await logIn(both)).browser)).is_root).toBe(true)
    expect((await waiting.send('GET', '/platform/me')).status).toBe(401)
    expect((await gateway.as(token.body.raw_token)('GET', '/me')).status).toBe(401)
    expect((await log()).status).toBe(401)
  })
})

describe('an answer that this browser did not ask for', () => {
  it.each([
    ['another state', (url: URL) => url.searchParams.set('state', 'x'.repeat(43))],
    ['no state', (url: URL) => url.searchParams.delete('state')],
    ['another code', (url: URL) => url.searchParams.set('code', 'x')],
    ['no code', (url: URL) => url.searchParams.delete('code')],
    ['another issuer', (url: URL) => url.searchParams.set('iss', 'https://evil.example')],
    ['an error', (url: URL) => url.searchParams.set('error', 'access_denied')],
  ])('is refused: %s', async (_what, change) => {
    await using both = await startBoth()
    both.provider.person = ada
    const { browser, answer } = await logIn(both, undefined, change)
    expect([answer.status, answer.body.code]).toEqual([401, 'UNAUTHENTICATED'])
    expect(browser.cookies.size).toBe(0)
  })

  it('is refused in another browser, with another’s cookie, and a second time', async () => {
    await using both = await startBoth()
    const { gateway, provider } = both
    provider.person = ada
    const victim = openBrowser(gateway.adminUrl)
    const begun = await victim.send('GET', '/platform/auth/oidc')
    const cookie = victim.cookies.get('sallyport_oidc') ?? ''
    const returned = await provider.consent(String(begun.headers.location))
    const path = returned.pathname + returned.search
    expect((await openBrowser(gateway.adminUrl).send('GET', path)).status).toBe(401)
    const other = openBrowser(gateway.adminUrl)
    await other.send('GET', '/platform/auth/oidc')
    expect((await other.send('GET', path)).status).toBe(401)
    expect((await victim.send('GET', path)).status).toBe(302)
    // The code is used up, whoever has kept the cookie.
    const again = openBrowser(gateway.adminUrl, new Map([['sallyport_oidc', cookie]]))
    expect((await again.send('GET', path)).status).toBe(401)
  })

  it('is taken to the provider ten times in a quarter of an hour at most', async () => {
    await using both = await startBoth()
    both.provider.person = ada
    const statuses: number[] = []
    for (let at = 0; at < 12; at++) {
      statuses.push((await logIn(both, undefined, (url) => url.searchParams.set('code', 'x'))).answer.status)
    }
    expect(statuses).toEqual([...Array(10).fill(401), 429, 429])
  })

  it('keeps nobody of the same address out, made up as it is', async () => {
    await using both = await startBoth()
    both.provider.person = ada
    for (let at = 0; at < 12; at++) {
      const made = '/platform/auth/oidc/callback?code=x&state=y'
      expect((await openBrowser(both.gateway.adminUrl).send('GET', made)).status).toBe(401)
    }
    const { answer, browser } = await logIn(both)
    expect([answer.status, answer.headers.location]).toEqual([302, '/'])
    expect((await browser.send('GET', '/platform/me')).status).toBe(200)
  })

  it('sends nobody elsewhere, whatever the addresses on the way name', async () => {
    await using both = await startBoth()
    both.provider.person = ada
    const browser = openBrowser(both.gateway.adminUrl)
    const elsewhere = '?return_to=https://evil.example&next=//evil.example&redirect_uri=https://evil.example'
    const begun = await browser.send('GET', `/platform/auth/oidc${elsewhere}`)
    const asked = new URL(String(begun.headers.location))
    expect([asked.origin, asked.searchParams.getAll('redirect_uri')]).toEqual([both.provider.issuer, [redirectUrl]])
    const returned = await both.provider.consent(asked.href)
    const path = `${returned.pathname}${returned.search}&next=//evil.example&return_to=https://evil.example`
    expect((await browser.send('GET', path)).headers.location).toBe('/')
  })
})

describe('somebody in front of a browser who is refused', () => {
  const html = { accept: 'text/html,application/xhtml+xml' }
  const arrive = async (browser: Browser, path: string) => {
    const answer = await browser.send('GET', path, undefined, html)
    const { pathname, searchParams } = new URL(String(answer.headers.location), 'http://localhost')
    const { sso, ...rest } = Object.fromEntries(searchParams)
    expect([answer.status, pathname, rest]).toEqual([302, '/login', { request_id: answer.headers['x-request-id'] }])
    return sso
  }

  it('comes to the log-in page, which is told why and nothing that came along', async () => {
    await using both = await startBoth()
    const { gateway, provider } = both
    const callback = '/platform/auth/oidc/callback'
    const browser = openBrowser(gateway.adminUrl)
    expect(await arrive(browser, `${callback}?error=access_denied&error_description=Call+this+number`)).toBe('refused')
    expect(await arrive(browser, `${callback}?code=x&state=y&sso=x&request_id=x`)).toBe('refused')

    const returnedFor = async (person: typeof provider.person) => {
      provider.person = person
      const begun = await browser.send('GET', '/platform/auth/oidc')
      const returned = await provider.consent(String(begun.headers.location))
      return returned.pathname + returned.search
    }
    expect(await arrive(browser, await returnedFor({ ...ada, groups: [] }))).toBe('not_admitted')
    expect(await arrive(browser, await returnedFor({ ...ada, email_verified: false }))).toBe('not_verified')
    expect(browser.cookies.size).toBe(0)
  })

  it('is told so where the provider does not answer, or was asked too often', async () => {
    await using both = await startBoth()
    both.provider.broken = true
    expect(await arrive(openBrowser(both.gateway.adminUrl), '/platform/auth/oidc')).toBe('no_answer')
    both.provider.broken = false
    both.provider.person = ada
    for (let at = 0; at < 10; at++) await logIn(both, undefined, (url) => url.searchParams.set('code', 'x'))
    const browser = openBrowser(both.gateway.adminUrl)
    const begun = await browser.send('GET', '/platform/auth/oidc')
    const returned = await both.provider.consent(String(begun.headers.location))
    expect(await arrive(browser, returned.pathname + returned.search)).toBe('too_many')
  })

  it('is let in with the next log-in that is in order', async () => {
    await using both = await startBoth()
    both.provider.person = ada
    const { browser, answer } = await logIn(both, undefined, (url) => url.searchParams.set('state', 'x'.repeat(43)))
    expect(answer.status).toBe(401)
    expect((await logIn(both, browser)).answer.headers.location).toBe('/')
  })
})

describe('a provider that fails', () => {
  it('is 502, and the next log-in works when it is back', async () => {
    await using both = await startBoth()
    both.provider.person = ada
    both.provider.broken = true
    expect((await logIn(both)).answer.status).toBe(502)
    both.provider.broken = false
    expect((await logIn(both)).answer.status).toBe(302)
  })

  it('that does not accept the secret lets nobody in', async () => {
    await using both = await startBoth({ secret: 'wrong' })
    both.provider.person = ada
    expect((await logIn(both)).answer.status).toBe(401)
  })

  it('is not there where none is configured', async () => {
    await using gateway = await startAdmin()
    const browser = openBrowser(gateway.adminUrl)
    expect((await browser.send('GET', '/platform/auth/oidc')).status).toBe(404)
    expect((await browser.send('GET', '/platform/auth/oidc/callback?code=x&state=y')).status).toBe(404)
  })
})
