import { describe, expect, it } from 'vitest'
import { startAdmin } from '../helpers/admin.ts'
import { openBrowser } from '../helpers/browser.ts'
import { logInMember, logInRoot, password } from '../helpers/operators.ts'

interface MemberRecord {
  readonly id: string
  readonly email: string
  readonly role: string
  readonly status: string
  readonly invitation: { readonly url: string; readonly expires_at: string } | null
}

describe('members', () => {
  it('somebody new gets a link that sets a password once', async () => {
    await using gateway = await startAdmin()
    const path = `/organizations/${gateway.organization.id}/members`
    const { status, body } = await gateway.api<MemberRecord>('POST', path, { email: 'Ada@Example.com', role: 'owner' })
    expect(status).toBe(201)
    expect(body).toMatchObject({
      email: 'ada@example.com',
      name: 'ada',
      role: 'owner',
      status: 'invited',
      source: 'manual',
    })
    const token = new URL(body.invitation?.url ?? '').hash.slice('#token='.length)
    const browser = openBrowser(gateway.adminUrl)
    const redeem = () => browser.send('POST', '/platform/setup', { token, name: 'Ada', password })
    const first = await redeem()
    expect([first.status, first.body.id, first.body.name, first.body.is_root]).toEqual([201, body.id, 'Ada', false])
    expect((await redeem()).status).toBe(401)
    const member = await browser.send<MemberRecord>('GET', `/platform${path}/${body.id}`)
    expect([member.body.status, 'invitation' in member.body]).toEqual(['active', false])
  })

  it('are listed newest first, page by page', async () => {
    await using gateway = await startAdmin()
    const path = `/organizations/${gateway.organization.id}/members`
    const ids: string[] = []
    for (let at = 0; at < 3; at++) {
      ids.unshift(
        (await gateway.api<MemberRecord>('POST', path, { email: `m${at}@example.com`, role: 'viewer' })).body.id,
      )
    }
    const first = await gateway.api<MemberRecord[]>('GET', `${path}?limit=2`)
    const next = /^<\/platform([^>]+)>; rel="next"$/.exec(first.headers.get('link') ?? '')?.[1] ?? ''
    const second = await gateway.api<MemberRecord[]>('GET', next)
    expect([...first.body, ...second.body].map(({ id }) => id)).toEqual(ids)
    expect(second.headers.get('link')).toBeNull()
  })

  it('one who leaves has no access with the next request', async () => {
    await using gateway = await startAdmin()
    const path = `/organizations/${gateway.organization.id}`
    const owner = await logInMember(gateway, gateway.organization.id, 'owner')
    const { id, browser } = await logInMember(gateway, gateway.organization.id, 'admin')
    expect((await browser.send('GET', `/platform${path}`)).status).toBe(200)
    expect((await owner.browser.send('DELETE', `/platform${path}/members/${id}`)).status).toBe(204)
    expect((await browser.send('GET', `/platform${path}`)).status).toBe(404)
    expect((await owner.browser.send('DELETE', `/platform${path}/members/${id}`)).status).toBe(404)
  })

  it('the last owner stays one, unless root says otherwise', async () => {
    await using gateway = await startAdmin()
    const members = `/organizations/${gateway.organization.id}/members`
    const { id, browser } = await logInMember(gateway, gateway.organization.id, 'owner')
    const lower = (role: string) => browser.send('PATCH', `/platform${members}/${id}`, { role })
    const leave = () => browser.send('DELETE', `/platform${members}/${id}`)
    expect([(await lower('admin')).status, (await leave()).status]).toEqual([409, 409])
    // One who has not come yet takes nobody's place.
    await gateway.api('POST', members, { email: 'invited@example.com', role: 'owner' })
    expect([(await lower('admin')).status, (await leave()).status]).toEqual([409, 409])
    await logInMember(gateway, gateway.organization.id, 'owner')
    expect((await lower('viewer')).status).toBe(200)
    const [last] = (await gateway.api<MemberRecord[]>('GET', members)).body
    expect((await gateway.api('DELETE', `${members}/${last?.id}`)).status).toBe(204)
  })

  it('two owners who lower each other at once do not leave it without one', async () => {
    await using gateway = await startAdmin()
    const members = `/platform/organizations/${gateway.organization.id}/members`
    const one = await logInMember(gateway, gateway.organization.id, 'owner')
    const two = await logInMember(gateway, gateway.organization.id, 'owner')
    const answers = await Promise.all([
      one.browser.send('PATCH', `${members}/${two.id}`, { role: 'viewer' }),
      two.browser.send('PATCH', `${members}/${one.id}`, { role: 'viewer' }),
    ])
    expect(answers.map(({ status }) => status).filter((status) => status === 200)).toHaveLength(1)
    const owners = (await gateway.store.listMembers(gateway.organization.id)).filter(({ role }) => role === 'owner')
    expect(owners).toHaveLength(1)
  })

  it('If-Match keeps one change from undoing another', async () => {
    await using gateway = await startAdmin()
    const { id } = await logInMember(gateway, gateway.organization.id, 'viewer')
    const path = `/organizations/${gateway.organization.id}/members/${id}`
    const etag = (await gateway.api('GET', path)).headers.get('etag') ?? ''
    expect((await gateway.api('PATCH', path, { role: 'admin' }, { 'if-match': etag })).status).toBe(200)
    expect((await gateway.api('PATCH', path, { role: 'owner' }, { 'if-match': etag })).status).toBe(412)
  })

  it('nobody is put above who does it, nor above owner', async () => {
    await using gateway = await startAdmin()
    const members = `/platform/organizations/${gateway.organization.id}/members`
    const owner = await logInMember(gateway, gateway.organization.id, 'owner')
    const add = (browser: typeof owner.browser, role: string) =>
      browser.send('POST', members, { email: 'x@example.com', role })
    expect((await add(owner.browser, 'root')).status).toBe(422)
    for (const role of ['admin', 'engineer', 'viewer'] as const) {
      const { id, browser } = await logInMember(gateway, gateway.organization.id, role)
      expect((await add(browser, 'viewer')).status).toBe(403)
      expect((await browser.send('PATCH', `${members}/${id}`, { role: 'owner' })).status).toBe(403)
      expect((await browser.send('GET', members)).status).toBe(200)
    }
  })

  it('another organization’s are not there', async () => {
    await using gateway = await startAdmin()
    const { id: foreign } = await gateway.createOrg()
    const owner = await logInMember(gateway, gateway.organization.id, 'owner')
    const other = await logInMember(gateway, foreign, 'viewer')
    const [own, theirs] = [gateway.organization.id, foreign].map((id) => `/platform/organizations/${id}/members`)
    for (const [method, path, body] of [
      ['GET', `${theirs}`],
      ['POST', `${theirs}`, { nonsense: true }],
      ['GET', `${theirs}/${other.id}`],
      ['PATCH', `${own}/${other.id}`, { nonsense: true }],
      ['DELETE', `${own}/${other.id}`],
      ['GET', `${own}/${other.id}`],
    ] as const) {
      const answer = await owner.browser.send(method, path, body)
      expect([method, path, answer.status]).toEqual([method, path, 404])
    }
  })

  it('an account that another organization made is not let in before somebody stands for it', async () => {
    await using gateway = await startAdmin()
    const { id: victim } = await gateway.createOrg()
    const mallory = await logInMember(gateway, gateway.organization.id, 'owner')
    const honest = await logInMember(gateway, victim, 'owner')
    // Mallory makes the account of somebody else, and knows its password.
    const email = 'boss@example.com'
    const made = await mallory.browser.send<MemberRecord>(
      'POST',
      `/platform/organizations/${gateway.organization.id}/members`,
      { email, role: 'viewer', password },
    )
    const theirs = `/organizations/${victim}/members`
    const invited = await honest.browser.send('POST', `/platform${theirs}`, { email, role: 'owner' })
    expect([invited.status, invited.body.code]).toEqual([409, 'CONFLICT'])
    expect((await gateway.api('POST', theirs, { email, role: 'owner' })).status).toBe(409)
    const reset = await gateway.api<{ url: string }>('POST', `/operators/${made.body.id}/reset-password`)
    expect([reset.status, (await gateway.api('POST', theirs, { email, role: 'owner' })).status]).toEqual([201, 201])
    const stolen = openBrowser(gateway.adminUrl)
    expect((await stolen.send('POST', '/platform/sessions', { email, password })).status).toBe(401)
  })

  it('one that root has made is added as it is', async () => {
    await using gateway = await startAdmin()
    const { id: second } = await gateway.createOrg()
    const { id, email, browser } = await logInMember(gateway, gateway.organization.id, 'viewer')
    const owner = await logInMember(gateway, second, 'owner')
    const path = `/platform/organizations/${second}/members`
    const added = await owner.browser.send<MemberRecord>('POST', path, {
      email,
      role: 'engineer',
      name: 'Renamed',
      password: 'x'.repeat(12),
    })
    expect([added.status, added.body.id, added.body.invitation]).toEqual([201, id, null])
    expect((await owner.browser.send('POST', path, { email, role: 'viewer' })).status).toBe(409)
    const me = await browser.send<{ name: string; roles: { organization_id: string; role: string }[] }>(
      'GET',
      '/platform/me',
    )
    expect(me.body.name).not.toBe('Renamed')
    expect(me.body.roles.map(({ organization_id, role }) => [organization_id, role]).sort()).toEqual(
      [
        [gateway.organization.id, 'viewer'],
        [second, 'engineer'],
      ].sort(),
    )
  })

  it('one whose role is lowered has the lower one with the next request, in the session that is open', async () => {
    await using gateway = await startAdmin()
    const path = `/organizations/${gateway.organization.id}`
    await logInMember(gateway, gateway.organization.id, 'owner')
    const { id, browser } = await logInMember(gateway, gateway.organization.id, 'owner')
    const invite = (email: string) => browser.send('POST', `/platform${path}/members`, { email, role: 'viewer' })
    expect((await invite('one@example.com')).status).toBe(201)
    expect((await gateway.api('PATCH', `${path}/members/${id}`, { role: 'viewer' })).status).toBe(200)
    expect((await invite('two@example.com')).status).toBe(403)
    expect((await browser.send('PATCH', `/platform${path}/members/${id}`, { role: 'owner' })).status).toBe(403)
    expect((await browser.send('GET', `/platform${path}/members`)).status).toBe(200)
  })

  it('an invitation is good for one of two who come with it at once', async () => {
    await using gateway = await startAdmin()
    const path = `/organizations/${gateway.organization.id}/members`
    const { body } = await gateway.api<MemberRecord>('POST', path, { email: 'ada@example.com', role: 'owner' })
    const token = body.invitation?.url.split('#token=')[1]
    const words = [password, 'another battery staple']
    const redeem = (word: string) =>
      openBrowser(gateway.adminUrl).send('POST', '/platform/setup', { token, password: word })
    const statuses = (await Promise.all(words.map(redeem))).map(({ status }) => status)
    expect([...statuses].sort()).toEqual([201, 401])
    // The password is the one of whoever was told so.
    const log = (word = '') =>
      openBrowser(gateway.adminUrl).send('POST', '/platform/sessions', { email: body.email, password: word })
    expect((await log(words[statuses.indexOf(201)])).status).toBe(201)
    expect((await log(words[statuses.indexOf(401)])).status).toBe(401)
  })

  it('an invitation that is taken back is worth nothing, and can be made anew', async () => {
    await using gateway = await startAdmin()
    const path = `/organizations/${gateway.organization.id}/members`
    const invite = () => gateway.api<MemberRecord>('POST', path, { email: 'late@example.com', role: 'viewer' })
    const first = (await invite()).body
    await gateway.api('DELETE', `${path}/${first.id}`)
    const browser = openBrowser(gateway.adminUrl)
    const token = first.invitation?.url.split('#token=')[1]
    expect((await browser.send('POST', '/platform/setup', { token, password })).status).toBe(401)
    expect((await invite()).body.invitation).not.toBeNull()
  })

  it('every change is an event that names who did it, and none holds a secret', async () => {
    await using gateway = await startAdmin()
    const owner = await logInMember(gateway, gateway.organization.id, 'owner')
    const path = `/platform/organizations/${gateway.organization.id}/members`
    const { body } = await owner.browser.send<MemberRecord>('POST', path, { email: 'e@example.com', role: 'viewer' })
    await owner.browser.send('PATCH', `${path}/${body.id}`, { role: 'admin' })
    await owner.browser.send('DELETE', `${path}/${body.id}`)
    const token = await owner.browser.send<{ raw_token: string }>('POST', '/platform/tokens', {
      name: 'T',
      role: 'viewer',
    })
    const events = (await gateway.store.listEvents({}, { limit: 200 })).rows
    const own = events.filter(({ actor }) => actor.id === owner.id).map(({ type }) => type)
    expect(own).toEqual([
      'admin_token.created',
      'member.removed',
      'member.updated',
      'operator.link_created',
      'member.added',
      'operator.created',
      'session.created',
    ])
    const told = JSON.stringify(events)
    const secrets = [
      password,
      token.body.raw_token,
      body.invitation?.url.split('#token=')[1],
      ...owner.browser.cookies.values(),
    ]
    for (const secret of secrets) expect(told).not.toContain(secret)
    expect(told).not.toMatch(/scrypt/)
  })
})

describe('operators', () => {
  it('are root’s alone', async () => {
    await using gateway = await startAdmin()
    const owner = await logInMember(gateway, gateway.organization.id, 'owner')
    expect((await owner.browser.send('GET', '/platform/operators')).status).toBe(403)
    const body = { email: 'x@example.com', name: 'X', is_root: true }
    expect((await owner.browser.send('POST', '/platform/operators', body)).status).toBe(403)
    expect((await owner.browser.send('PATCH', `/platform/operators/${owner.id}`, { is_root: true })).status).toBe(403)
    expect((await owner.browser.send('POST', `/platform/operators/${owner.id}/reset-password`)).status).toBe(403)
  })

  it('the last root stays one; a second one may take over', async () => {
    await using gateway = await startAdmin()
    const first = await logInRoot(gateway)
    const path = `/platform/operators/${first.id}`
    expect((await first.browser.send('PATCH', path, { is_root: false })).status).toBe(409)
    expect((await first.browser.send('DELETE', path)).status).toBe(409)
    const second = await logInRoot(gateway)
    expect((await second.browser.send('PATCH', path, { is_root: false })).status).toBe(200)
    expect((await first.browser.send('GET', '/platform/operators')).status).toBe(403)
    expect((await second.browser.send('DELETE', path)).status).toBe(204)
    expect((await first.browser.send('GET', '/platform/me')).status).toBe(401)
    expect((await second.browser.send('GET', path)).status).toBe(404)
  })

  it('a reset ends sessions and tokens and gives a link', async () => {
    await using gateway = await startAdmin()
    const { id, email, browser } = await logInMember(gateway, gateway.organization.id, 'viewer')
    const { raw_token: token } = (
      await browser.send<{ raw_token: string }>('POST', '/platform/tokens', { name: 'T', role: 'viewer' })
    ).body
    const reset = await gateway.api<{ url: string }>('POST', `/operators/${id}/reset-password`)
    expect((await browser.send('GET', '/platform/me')).status).toBe(401)
    expect((await gateway.as(token)('GET', '/me')).status).toBe(401)
    const fresh = 'a fresh and long one'
    const redeemed = await browser.send('POST', '/platform/setup', {
      token: reset.body.url.split('#token=')[1],
      password: fresh,
    })
    expect([redeemed.status, redeemed.body.email]).toEqual([201, email])
    expect((await browser.send('GET', '/platform/me')).status).toBe(200)
  })
})
