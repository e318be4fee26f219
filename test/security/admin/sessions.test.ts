import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AdminGateway, startAdmin } from '../../helpers/admin.ts'
import { type Browser, openBrowser } from '../../helpers/browser.ts'
import { logIn, logInMember, logInRoot, password } from '../../helpers/operators.ts'
import { connectRaw } from '../../helpers/raw-client.ts'

let gateway: AdminGateway
beforeAll(async () => {
  gateway = await startAdmin('trust_proxy: [127.0.0.1/32]')
})
afterAll(() => gateway[Symbol.asyncDispose]())

const plain = 'sallyport_session'
const tls = '__Host-sallyport'
const onTls = { 'x-forwarded-proto': 'https' }
const sessionOf = (browser: Browser): string => browser.cookies.get(plain) ?? ''

/** Who the gateway takes the sender of these Cookie headers for: null for nobody. */
async function whoIs(
  cookies: readonly string[],
  headers: Readonly<Record<string, string>> = {},
): Promise<string | null> {
  using client = await connectRaw(gateway.adminUrl)
  const { host } = new URL(gateway.adminUrl)
  const lines = [
    ...cookies.map((cookie) => `Cookie: ${cookie}`),
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ]
  await client.send(`GET /platform/me HTTP/1.1\r\nHost: ${host}\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`)
  const response = await client.response()
  expect([200, 401]).toContain(response.status)
  return response.status === 200 ? String(response.json().email) : null
}

describe('a session that was planted in a browser', () => {
  it('does not become that of who logs in: the id is new at every log-in, and the old one is nobody’s', async () => {
    const mallory = await logInRoot(gateway)
    const victim = await logInRoot(gateway)
    const planted = sessionOf(mallory.browser)
    const before = new Map([[plain, planted]])
    const browser = await logIn(gateway.adminUrl, victim.email, openBrowser(gateway.adminUrl, before))
    expect(sessionOf(browser)).not.toBe(planted)
    expect(await whoIs([`${plain}=${sessionOf(browser)}`])).toBe(victim.email)
    // It was Mallory's, and stays Mallory's alone.
    expect(await whoIs([`${plain}=${planted}`])).toBe(mallory.email)
    const again = sessionOf(browser)
    await logIn(gateway.adminUrl, victim.email, browser)
    expect(sessionOf(browser)).not.toBe(again)
    expect(await whoIs([`${plain}=${again}`])).toBeNull()
  })

  it.each(['chosen-by-somebody', 'a'.repeat(43), '', '%00', '"quoted"', 'ses_00000000000000000000000000'])(
    'is worth nothing where it was made up, before and after a log-in: %s',
    async (value) => {
      const { email } = await logInRoot(gateway)
      const browser = openBrowser(gateway.adminUrl, new Map([[plain, value]]))
      expect((await browser.send('GET', '/platform/me')).status).toBe(401)
      await logIn(gateway.adminUrl, email, browser)
      expect(await whoIs([`${plain}=${value}`])).toBeNull()
    },
  )

  it('beside that of its owner makes both worth nothing: which comes first is up to who set it', async () => {
    const mallory = sessionOf((await logInRoot(gateway)).browser)
    const { browser, email } = await logInRoot(gateway)
    const own = sessionOf(browser)
    expect(await whoIs([`${plain}=${own}`])).toBe(email)
    expect(await whoIs([`${plain}=${own}; ${plain}=${own}`])).toBe(email)
    for (const cookies of [
      [`${plain}=${mallory}; ${plain}=${own}`],
      [`${plain}=${own}; ${plain}=${mallory}`],
      [`${plain}=${mallory}`, `${plain}=${own}`],
      [`${plain}=; ${plain}=${own}`],
      [`${plain}=${own}; other=1; ${plain}=`],
      [`${tls}=${mallory}; ${tls}=${own}; ${plain}=${own}`],
    ]) {
      expect([cookies, await whoIs(cookies)]).toEqual([cookies, null])
    }
  })

  it('has no other spelling of its name', async () => {
    const { browser } = await logInRoot(gateway)
    const own = sessionOf(browser)
    for (const cookie of [
      `${plain.toUpperCase()}=${own}`,
      `${plain} =${own}`,
      `"${plain}"=${own}`,
      `\u00a0${plain}=${own}`,
      `\u0085${plain}=${own}`,
      `${plain}="${own}"`,
      `${plain}%3d${own}`,
      `sallyport%5fsession=${own}`,
      `a=b, ${plain}=${own}`,
      `$Version=1, ${plain}=${own}`,
      `${plain}==${own}`,
      `${plain}=${own} `.concat('x'),
    ]) {
      expect([cookie, await whoIs([cookie])]).toEqual([cookie, null])
    }
  })

  it('on TLS counts under the name alone that no other host and no page without TLS can set', async () => {
    const { browser, email } = await logInRoot(gateway)
    const own = sessionOf(browser)
    expect(await whoIs([`${tls}=${own}`], onTls)).toBe(email)
    for (const cookie of [
      `${plain}=${own}`,
      `__host-sallyport=${own}`,
      `__Host-Sallyport=${own}`,
      ` \u00a0${tls}=${own}`,
      `__Secure-sallyport=${own}`,
      `=${tls}=${own}`,
      `x=${tls}=${own}`,
    ]) {
      expect([cookie, await whoIs([cookie], onTls)]).toEqual([cookie, null])
    }
  })
})

describe('the cookie of a session', () => {
  it.each([
    ['without TLS', {}, plain, false],
    ['on TLS', onTls, tls, true],
  ])('%s is for this host, its whole path, this site and no script', async (_, headers, name, secure) => {
    const { email } = await logInRoot(gateway)
    const { host } = new URL(gateway.adminUrl)
    const browser = openBrowser(gateway.adminUrl)
    const origin = secure ? { origin: `https://${host}` } : {}
    const { status, setCookies } = await browser.send(
      'POST',
      '/platform/sessions',
      { email, password },
      { ...headers, ...origin },
    )
    expect(status).toBe(201)
    const line = setCookies.find((one) => one.startsWith(`${name}=`)) ?? ''
    const attributes = line
      .split('; ')
      .slice(1)
      .map((one) => one.toLowerCase())
    expect(attributes.sort()).toEqual([
      'httponly',
      'max-age=604800',
      'path=/',
      'samesite=lax',
      ...(secure ? ['secure'] : []),
    ])
    // 256 random bits, and nothing that tells whose it is.
    expect(line).toMatch(new RegExp(`^${name}=[\\w-]{43};`))
  })

  it('is in no body, no log and no list', async () => {
    const { browser } = await logInRoot(gateway)
    const own = sessionOf(browser)
    for (const path of ['/platform/me', '/platform/sessions', '/platform/events']) {
      const { body } = await browser.send('GET', path)
      expect(JSON.stringify(body)).not.toContain(own)
    }
  })
})

describe('a session ends', () => {
  const ends: Record<string, (who: { id: string; email: string; browser: Browser }) => Promise<unknown>> = {
    'with the log-out': ({ browser }) => browser.send('DELETE', '/platform/sessions/current'),
    'with a new password': ({ browser }) =>
      browser.send('PATCH', '/platform/me', { password: 'another password of mine', current_password: password }),
    'with a reset by root': ({ id }) => gateway.api('POST', `/operators/${id}/reset-password`),
    'with the account': ({ id }) => gateway.api('DELETE', `/operators/${id}`),
    'with its end in the list': async ({ browser }) => {
      const { body } = await browser.send<{ session_id: string }>('GET', '/platform/me')
      return gateway.api('DELETE', `/sessions/${body.session_id}`)
    },
  }
  it.each(Object.entries(ends))('%s, and a copy of its cookie with it', async (_, end) => {
    const who = await logInRoot(gateway)
    const copy = sessionOf(who.browser)
    expect(await whoIs([`${plain}=${copy}`])).toBe(who.email)
    await end(who)
    expect(await whoIs([`${plain}=${copy}`])).toBeNull()
  })

  it('in no right that its owner has lost: the role of now counts', async () => {
    const { browser, id } = await logInMember(gateway, gateway.organization.id, 'owner')
    const at = `/platform/organizations/${gateway.organization.id}`
    const rename = () => browser.send('PATCH', at, { name: 'Acme' })
    expect((await rename()).status).toBe(200)
    await gateway.api('PATCH', `/organizations/${gateway.organization.id}/members/${id}`, { role: 'viewer' })
    expect((await rename()).status).toBe(403)
    await gateway.api('DELETE', `/organizations/${gateway.organization.id}/members/${id}`)
    expect((await browser.send('GET', at)).status).toBe(404)
  })
})

describe('a session’s text', () => {
  it('is no token, and a token’s is no session', async () => {
    const { browser } = await logInRoot(gateway)
    expect((await gateway.as(sessionOf(browser))('GET', '/me')).status).toBe(401)
    expect(await whoIs([`${plain}=${gateway.adminToken}`])).toBeNull()
    const { token } = await gateway.member('owner')
    expect(await whoIs([`${plain}=${token}`])).toBeNull()
    // A wrong token is not made good by what else comes along, and two are none.
    expect(await whoIs([`${plain}=${sessionOf(browser)}`], { Authorization: 'Bearer wrong' })).toBeNull()
    expect(await whoIs([], { Authorization: `Bearer ${gateway.adminToken}, Bearer ${gateway.adminToken}` })).toBeNull()
  })
})
