import { describe, expect, it } from 'vitest'
import { startAdmin } from '../helpers/admin.ts'
import { openBrowser } from '../helpers/browser.ts'
import { testClock } from '../helpers/clock.ts'
import { logIn, logInMember, logInRoot, password } from '../helpers/operators.ts'

const hour = 3_600_000

interface SessionRecord {
  readonly id: string
  readonly operator_id: string
  readonly current: boolean
  readonly user_agent: string | null
}

describe('sessions', () => {
  it('end after twelve hours without a request, and go on with one', async () => {
    const clock = testClock()
    await using gateway = await startAdmin(undefined, { clock })
    const { browser } = await logInMember(gateway, gateway.organization.id, 'viewer')
    const status = async () => (await browser.send('GET', '/platform/me')).status
    clock.advance(11 * hour)
    expect(await status()).toBe(200)
    clock.advance(11 * hour)
    expect(await status()).toBe(200)
    clock.advance(12 * hour)
    expect(await status()).toBe(401)
  })

  it('end after seven days whatever is asked of them', async () => {
    const clock = testClock()
    await using gateway = await startAdmin(undefined, { clock })
    const { browser } = await logInMember(gateway, gateway.organization.id, 'viewer')
    const status = async () => (await browser.send('GET', '/platform/me')).status
    for (let passed = 8; passed < 7 * 24; passed += 8) {
      clock.advance(8 * hour)
      expect(await status()).toBe(200)
    }
    clock.advance(8 * hour)
    expect(await status()).toBe(401)
  })

  it('are listed for their owner, newest first, without what opens them', async () => {
    await using gateway = await startAdmin()
    const { id, email, browser } = await logInMember(gateway, gateway.organization.id, 'viewer')
    await logInMember(gateway, gateway.organization.id, 'owner')
    const { raw } = await gateway.createKey()
    const second = openBrowser(gateway.adminUrl)
    await second.send('POST', '/platform/sessions', { email, password }, { 'user-agent': `script ${raw}` })
    const { body } = await second.send<SessionRecord[]>('GET', '/platform/sessions')
    expect(body.map(({ operator_id, current }) => [operator_id, current])).toEqual([
      [id, true],
      [id, false],
    ])
    expect(body[0]?.user_agent).toBe('script [secret]')
    for (const cookie of [...browser.cookies.values(), ...second.cookies.values()]) {
      expect(JSON.stringify(body)).not.toContain(cookie)
    }
  })

  it('can be ended one by one, at once', async () => {
    await using gateway = await startAdmin()
    const { email, browser } = await logInMember(gateway, gateway.organization.id, 'viewer')
    const second = await logIn(gateway.adminUrl, email)
    const { body } = await second.send<SessionRecord[]>('GET', '/platform/sessions')
    const first = body.find(({ current }) => !current)
    expect((await second.send('DELETE', `/platform/sessions/${first?.id}`)).status).toBe(204)
    expect((await browser.send('GET', '/platform/me')).status).toBe(401)
    const loggedOut = await second.send('DELETE', '/platform/sessions/current')
    expect([loggedOut.status, second.cookies.has('sallyport_session')]).toEqual([204, false])
    expect(loggedOut.setCookies.join()).toMatch(/sallyport_session=;/)
  })

  it('are nobody else’s business but root’s', async () => {
    await using gateway = await startAdmin()
    const { id, browser } = await logInMember(gateway, gateway.organization.id, 'viewer')
    const owner = await logInMember(gateway, gateway.organization.id, 'owner')
    const root = await logInRoot(gateway)
    const sessionId = String((await browser.send('GET', '/platform/me')).body.session_id)
    expect((await owner.browser.send('DELETE', `/platform/sessions/${sessionId}`)).status).toBe(404)
    expect((await owner.browser.send('GET', `/platform/sessions?operator_id=${id}`)).status).toBe(404)
    expect((await browser.send('GET', '/platform/me')).status).toBe(200)
    const listed = await root.browser.send<SessionRecord[]>('GET', `/platform/sessions?operator_id=${id}`)
    expect(listed.body.map((session) => session.id)).toEqual([sessionId])
    expect((await root.browser.send('DELETE', `/platform/sessions/${sessionId}`)).status).toBe(204)
    expect((await browser.send('GET', '/platform/me')).status).toBe(401)
    expect((await gateway.api<SessionRecord[]>('GET', '/sessions')).body).toHaveLength(2)
    expect((await gateway.api('DELETE', '/sessions/current')).status).toBe(404)
  })

  it('a wrong cookie, an empty one and one of another kind are 401', async () => {
    await using gateway = await startAdmin()
    for (const value of ['x', '', 'a'.repeat(4000), gateway.adminToken]) {
      const browser = openBrowser(gateway.adminUrl, new Map([['sallyport_session', value]]))
      expect((await browser.send('GET', '/platform/me')).status).toBe(401)
    }
  })

  it('a wrong token is not made good by a cookie that came with it', async () => {
    await using gateway = await startAdmin()
    const { browser } = await logInRoot(gateway)
    const answer = await browser.send('GET', '/platform/me', undefined, { authorization: 'Bearer spat_wrong' })
    expect(answer.status).toBe(401)
  })

  it('a change of password ends every other session and needs the old one', async () => {
    await using gateway = await startAdmin()
    const { email, browser } = await logInMember(gateway, gateway.organization.id, 'viewer')
    const second = await logIn(gateway.adminUrl, email)
    const change = (body: object) => second.send('PATCH', '/platform/me', body)
    const next = 'another battery staple'
    expect((await change({ password: next })).status).toBe(422)
    expect((await change({ password: 'short', current_password: password })).status).toBe(422)
    expect((await change({ password: next, current_password: 'wrong' })).status).toBe(403)
    const changed = await change({ password: next, current_password: password, name: 'Somebody Else' })
    expect([changed.status, changed.body.name]).toEqual([200, 'Somebody Else'])
    expect((await second.send('GET', '/platform/me')).body.name).toBe('Somebody Else')
    expect((await browser.send('GET', '/platform/me')).status).toBe(401)
    const again = openBrowser(gateway.adminUrl)
    expect((await again.send('POST', '/platform/sessions', { email, password })).status).toBe(401)
    expect((await again.send('POST', '/platform/sessions', { email, password: next })).status).toBe(201)
  })

  it('a change of password ends also a copy of the session that it was made in', async () => {
    await using gateway = await startAdmin()
    const { email, browser } = await logInMember(gateway, gateway.organization.id, 'viewer')
    const thief = openBrowser(gateway.adminUrl, new Map(browser.cookies))
    const next = 'another battery staple'
    const body = { password: next, current_password: password }
    const changed = await browser.send('PATCH', '/platform/me', body)
    expect([changed.status, (await thief.send('GET', '/platform/me')).status]).toEqual([200, 401])
    expect((await browser.send('GET', '/platform/me')).body).toEqual(changed.body)
    // And the browser is still one that the account knows.
    for (let at = 0; at < 11; at++) {
      await browser.send('POST', '/platform/sessions', { email, password })
    }
    expect((await browser.send('POST', '/platform/sessions', { email, password: next })).status).toBe(429)
    const other = openBrowser(gateway.adminUrl)
    expect((await other.send('POST', '/platform/sessions', { email, password: next })).status).toBe(201)
  }, 20_000)

  it('a thief of a session can’t find out the password with it', async () => {
    await using gateway = await startAdmin()
    const { browser } = await logInMember(gateway, gateway.organization.id, 'viewer')
    const change = (current: string) =>
      browser.send('PATCH', '/platform/me', { password: 'twelve letters', current_password: current })
    for (let at = 0; at < 10; at++) expect((await change(`guess ${at}`)).status).toBe(403)
    expect((await change(password)).status).toBe(403)
  }, 20_000)
})
