import { describe, expect, it } from 'vitest'
import { startAdmin } from '../helpers/admin.ts'
import { openBrowser } from '../helpers/browser.ts'
import { testClock } from '../helpers/clock.ts'
import { logIn, logInMember, logInRoot, password } from '../helpers/operators.ts'

const wrong = 'not the password at all'

describe('log-in', () => {
  it('gives a session by a cookie that scripts can’t read, and says who it is', async () => {
    await using gateway = await startAdmin()
    const { id, email } = await logInMember(gateway, gateway.organization.id, 'admin')
    const browser = openBrowser(gateway.adminUrl)
    // The address as people type it.
    const typed = ` ${email.toUpperCase()} `
    const answer = await browser.send('POST', '/platform/sessions', { email: typed, password })
    expect(answer.status).toBe(201)
    expect(answer.setCookies[0]).toMatch(
      /^sallyport_session=[\w-]{43}; Max-Age=604800; Path=\/; HttpOnly; SameSite=Lax$/,
    )
    const me = await browser.send('GET', '/platform/me')
    expect(me.body).toEqual(answer.body)
    expect(me.body).toMatchObject({
      id,
      email,
      has_password: true,
      is_root: false,
      via: 'session',
      session_id: expect.stringMatching(/^ses_/),
      roles: [{ organization_id: gateway.organization.id, organization_name: 'Acme', role: 'admin' }],
    })
  })

  it('names the cookie __Host- and marks it Secure where the page is on TLS', async () => {
    await using gateway = await startAdmin()
    const { email } = await logInMember(gateway, gateway.organization.id, 'viewer')
    const browser = openBrowser(gateway.adminUrl)
    const origin = `https://${new URL(gateway.adminUrl).host}`
    const answer = await browser.send('POST', '/platform/sessions', { email, password }, { origin })
    expect(answer.setCookies[0]).toMatch(
      /^__Host-sallyport=[\w-]{43}; Max-Age=604800; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
    )
    expect((await browser.send('GET', '/platform/me')).status).toBe(200)
  })

  it('on TLS takes no cookie that a page without TLS or another host of the site could have set', async () => {
    await using gateway = await startAdmin('trust_proxy: [127.0.0.0/8]')
    const { email, browser: mallory } = await logInMember(gateway, gateway.organization.id, 'viewer')
    const foisted = mallory.cookies.get('sallyport_session') ?? ''
    const victim = openBrowser(gateway.adminUrl, new Map([['sallyport_session', foisted]]))
    const tls = { 'x-forwarded-proto': 'https', 'x-forwarded-for': '203.0.113.9' }
    const me = () => victim.send('GET', '/platform/me', undefined, tls)
    expect((await me()).status).toBe(401)
    const origin = `https://${new URL(gateway.adminUrl).host}`
    await victim.send('POST', '/platform/sessions', { email, password }, { ...tls, origin })
    expect((await me()).status).toBe(200)
    expect((await victim.send('GET', '/platform/me')).status).toBe(200)
  })

  it('believes X-Forwarded-Proto of a trusted proxy alone', async () => {
    const proto = async (yaml: string) => {
      await using gateway = await startAdmin(yaml)
      const { email } = await logInMember(gateway, gateway.organization.id, 'viewer')
      const headers = { 'x-forwarded-proto': 'https', 'x-forwarded-for': '203.0.113.9', origin: undefined }
      const browser = openBrowser(gateway.adminUrl)
      const answer = await browser.send('POST', '/platform/sessions', { email, password }, headers)
      const sessions = await browser.send<{ ip: string }[]>('GET', '/platform/sessions')
      return [/^__Host-/.test(answer.setCookies[0] ?? ''), sessions.body[0]?.ip]
    }
    expect(await proto('trust_proxy: [127.0.0.0/8]')).toEqual([true, '203.0.113.9'])
    expect(await proto('trust_proxy: []')).toEqual([false, '127.0.0.1'])
  })

  it('answers an unknown address like a wrong password', async () => {
    await using gateway = await startAdmin()
    const { email } = await logInMember(gateway, gateway.organization.id, 'viewer')
    const browser = openBrowser(gateway.adminUrl)
    const attempt = async (body: object) => {
      const startedAt = performance.now()
      const answer = await browser.send('POST', '/platform/sessions', body)
      const { request_id, instance, ...rest } = answer.body
      return { status: answer.status, rest, tookMs: performance.now() - startedAt }
    }
    const known = await attempt({ email, password: wrong })
    const unknown = await attempt({ email: 'nobody@example.com', password: wrong })
    expect(unknown.rest).toEqual(known.rest)
    expect([known.status, known.rest.code]).toEqual([401, 'UNAUTHENTICATED'])
    // A hash is computed either way; without one the answer would come in a millisecond or two.
    expect(unknown.tookMs).toBeGreaterThan(known.tookMs / 4)
    expect(browser.cookies.size).toBe(0)
  })

  it('makes a new session at each log-in, and ends the one that the browser had', async () => {
    await using gateway = await startAdmin()
    const { email, browser } = await logInMember(gateway, gateway.organization.id, 'viewer')
    const before = browser.cookies.get('sallyport_session')
    await logIn(gateway.adminUrl, email, browser)
    const after = browser.cookies.get('sallyport_session')
    expect(after).not.toBe(before)
    const stale = openBrowser(gateway.adminUrl, new Map([['sallyport_session', before ?? '']]))
    expect((await stale.send('GET', '/platform/me')).status).toBe(401)
    expect((await browser.send('GET', '/platform/me')).status).toBe(200)
  })

  it('refuses a body with what does not belong there, and one that is too long', async () => {
    await using gateway = await startAdmin()
    const browser = openBrowser(gateway.adminUrl)
    const bodies = [
      { email: 'a@b.c' },
      { email: 'a@b.c', password: 1 },
      { email: 'a@b.c', password: 'x', role: 'root' },
    ]
    for (const body of [...bodies, { email: 'a@b.c', password: 'x'.repeat(1025) }, { email: '', password: 'x' }]) {
      expect((await browser.send('POST', '/platform/sessions', body)).status).toBe(422)
    }
  })

  it('throttles an address after 20 wrong passwords, for a quarter of an hour, and counts no right ones', async () => {
    const clock = testClock()
    await using gateway = await startAdmin(undefined, { clock })
    const { email } = await logInMember(gateway, gateway.organization.id, 'viewer')
    const stranger = () => openBrowser(gateway.adminUrl)
    const attempt = (password: string, name = email) =>
      stranger().send('POST', '/platform/sessions', { email: name, password })
    expect((await attempt(password)).status).toBe(201)
    // All at once: parallel ones must not slip by.
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, at) => attempt(wrong, `person-${at}@elsewhere.example`)),
    )
    const count = (status: number) => answers.filter((answer) => answer.status === status).length
    expect([count(401) + count(503), count(429)]).toEqual([20, 10])
    const refused = await attempt(password)
    expect([refused.status, refused.body.code]).toEqual([429, 'RATE_LIMITED'])
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(890)
    clock.advance(15 * 60_000 + 1)
    expect((await attempt(password)).status).toBe(201)
  })

  it('lets a browser that the account knows log in whatever others do in its name', async () => {
    await using gateway = await startAdmin('trust_proxy: [127.0.0.0/8]')
    const { email, browser } = await logInMember(gateway, gateway.organization.id, 'owner')
    // From addresses of their own, and faster than anybody can compute: the limit of the account is what is reached.
    const attack = async (at: number) =>
      openBrowser(gateway.adminUrl).send(
        'POST',
        '/platform/sessions',
        { email, password: wrong },
        { 'x-forwarded-for': `198.51.100.${at}` },
      )
    const statuses: number[] = []
    for (let at = 0; at < 52; at++) statuses.push((await attack(at)).status)
    expect(statuses.slice(0, 50).every((status) => status === 401)).toBe(true)
    expect(statuses.slice(50)).toEqual([429, 429])
    await logIn(gateway.adminUrl, email, browser)
    // A cookie made up, or of another account, opens no such door.
    const { browser: other } = await logInMember(gateway, gateway.organization.id, 'viewer')
    const borrowed = openBrowser(
      gateway.adminUrl,
      new Map([['sallyport_device', other.cookies.get('sallyport_device') ?? '']]),
    )
    expect((await borrowed.send('POST', '/platform/sessions', { email, password })).status).toBe(429)
  }, 60_000)

  it('answers 503 rather than pile up work when too many log in at once', async () => {
    await using gateway = await startAdmin('trust_proxy: [127.0.0.0/8]')
    const attempts = Array.from({ length: 40 }, (_, at) =>
      openBrowser(gateway.adminUrl).send(
        'POST',
        '/platform/sessions',
        { email: `p${at}@example.com`, password: wrong },
        { 'x-forwarded-for': `198.51.100.${at}` },
      ),
    )
    const statuses = (await Promise.all(attempts)).map(({ status, body }) => [status, body.code])
    expect(statuses.filter(([status]) => status === 503)[0]).toEqual([503, 'OVERLOADED'])
    expect(statuses.filter(([status]) => status === 401).length).toBeGreaterThanOrEqual(10)
  }, 30_000)
})

describe('a flood of log-ins', () => {
  const flood = (adminUrl: string, count: number) =>
    Array.from({ length: count }, (_, at) =>
      openBrowser(adminUrl).send(
        'POST',
        '/platform/sessions',
        { email: `p${at}@example.com`, password: wrong },
        { 'x-forwarded-for': `203.0.${at >> 8}.${at & 255}` },
      ),
    )

  it('keeps nobody out whose browser the account knows, nor who is asked for the password once more', async () => {
    await using gateway = await startAdmin('trust_proxy: [127.0.0.0/8]')
    const { email, browser } = await logInMember(gateway, gateway.organization.id, 'owner')
    const attack = flood(gateway.adminUrl, 100)
    // The first refusal says that the queue is full.
    expect((await Promise.race(attack)).status).toBe(503)
    const [known, change] = await Promise.all([
      browser.send('POST', '/platform/sessions', { email, password }),
      browser.send('PATCH', '/platform/me', { password: 'another battery staple', current_password: wrong }),
    ])
    expect([known.status, change.status]).toEqual([201, 403])
    await Promise.all(attack)
  }, 30_000)

  it('leaves the rest of the gateway its cores and threads', async () => {
    await using gateway = await startAdmin('trust_proxy: [127.0.0.0/8]\nroutes: []')
    const attack = Promise.all(flood(gateway.adminUrl, 100))
    let ended = false
    void attack.then(() => {
      ended = true
    })
    let answers = 0
    while (!ended) {
      await gateway.api('GET', '/me')
      await gateway.request('GET', '/nowhere', { key: 'x' })
      answers++
    }
    // Eleven passwords take a second and more, one after the other.
    expect(answers).toBeGreaterThan(10)
  }, 30_000)
})

describe('a body that is none of a log-in', () => {
  it('is refused, however it is bent', async () => {
    await using gateway = await startAdmin()
    const browser = openBrowser(gateway.adminUrl)
    const bodies: readonly (readonly [body: string, status: number])[] = [
      ['null', 422],
      ['[]', 422],
      ['"x"', 422],
      ['', 422],
      ['{"email":["a@b.c"],"password":"x"}', 422],
      ['{"email":{"$ne":null},"password":{"$ne":null}}', 422],
      ['{"email":"a@b.c","password":"x","__proto__":{"isRoot":true}}', 400],
      ['{"email":"a@b.c","password":"x","constructor":{"prototype":{"isRoot":true}}}', 400],
      ['{"email":"a@b.c","password":"x"', 400],
      ['{"email":"a@b.c","password":"x"}{}', 400],
      [`{"email":"a@b.c","password":${'['.repeat(5000)}${']'.repeat(5000)}}`, 422],
      [`{"email":"a@b.c","password":${'['.repeat(50_000)}${']'.repeat(50_000)}}`, 413],
      ['{"email":"a\\u0000@b.c","password":"\\ud800"}', 401],
    ]
    for (const [body, status] of bodies) {
      const answer = await browser.send('POST', '/platform/sessions', body, { 'content-type': 'application/json' })
      expect([body.slice(0, 60), answer.status, browser.cookies.size]).toEqual([body.slice(0, 60), status, 0])
    }
  })

  it('is refused as another type, whatever is in it', async () => {
    await using gateway = await startAdmin()
    const { email } = await logInMember(gateway, gateway.organization.id, 'viewer')
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data', 'application/xml']) {
      const headers = { 'content-type': type }
      const answer = await openBrowser(gateway.adminUrl).send(
        'POST',
        '/platform/sessions',
        { email, password },
        headers,
      )
      expect([type, answer.status]).toEqual([type, 415])
    }
  })
})

describe('a page of another origin', () => {
  const foreign: Record<string, Record<string, string | undefined>> = {
    'another site': { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
    'another port of the same host, which shares its cookies': {
      origin: 'http://127.0.0.1:1',
      'sec-fetch-site': 'same-site',
    },
    'a site without Origin': { origin: undefined, 'sec-fetch-site': 'cross-site' },
    'a sandboxed frame': { origin: 'null', 'sec-fetch-site': undefined },
    'an old browser': { origin: 'https://evil.example', 'sec-fetch-site': undefined },
    'a name that only looks like ours': { origin: 'http://127.0.0.1.evil.example', 'sec-fetch-site': undefined },
  }
  it.each(Object.entries(foreign))('can’t use the session: %s', async (_name, headers) => {
    await using gateway = await startAdmin()
    const { browser, email } = await logInRoot(gateway)
    const create = (extra: Record<string, string | undefined>) =>
      browser.send('POST', '/platform/organizations', { name: 'Mallory' }, extra)
    expect((await create(headers)).status).toBe(403)
    for (const type of ['text/plain', 'application/x-www-form-urlencoded']) {
      expect((await create({ ...headers, 'content-type': type })).status).toBe(403)
    }
    expect((await browser.send('DELETE', '/platform/sessions/current', undefined, headers)).status).toBe(403)
    // Nor log a browser in as somebody else.
    expect((await browser.send('POST', '/platform/sessions', { email, password }, headers)).status).toBe(403)
    expect((await browser.send('POST', '/platform/setup', { token: 'x', password }, headers)).status).toBe(403)
    expect((await create({})).status).toBe(201)
  })

  it('can’t hide behind an origin with a path, a user or two values', async () => {
    await using gateway = await startAdmin()
    const { browser } = await logInRoot(gateway)
    const { host } = new URL(gateway.adminUrl)
    for (const origin of [`http://${host}/, https://evil.example`, `https://evil@${host}`, `ftp://${host}`, '']) {
      const answer = await browser.send(
        'POST',
        '/platform/organizations',
        { name: 'M' },
        { origin, 'sec-fetch-site': undefined },
      )
      expect([origin, answer.status]).toEqual([origin, 403])
    }
  })
})
