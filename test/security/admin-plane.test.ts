import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AdminGateway, startAdmin } from '../helpers/admin.ts'
import { logInMember, logInRoot } from '../helpers/operators.ts'

let gateway: AdminGateway
let organization: string
beforeAll(async () => {
  gateway = await startAdmin()
  organization = `/organizations/${gateway.organization.id}`
})
afterAll(() => gateway[Symbol.asyncDispose]())

describe('a personal token', () => {
  it('gets no token from the kept answer of a session', async () => {
    const { browser } = await logInMember(gateway, gateway.organization.id, 'owner')
    const order = { name: 'Script', role: 'viewer' }
    const repeated = { 'idempotency-key': 'the-same' }
    const made = await browser.send<{ raw_token: string }>('POST', '/platform/tokens', order, repeated)
    expect(made.status).toBe(201)

    const { status, body } = await gateway.as(made.body.raw_token)('POST', '/tokens', order, repeated)
    expect([status, body]).toEqual([403, expect.not.objectContaining({ raw_token: expect.anything() })])
  })

  it('of a lower role than its owner ends none of the owner’s sessions and tokens but itself', async () => {
    const { browser } = await logInRoot(gateway)
    const make = async (order: object) => {
      const { body } = await browser.send<{ token: { id: string }; raw_token: string }>('POST', '/platform/tokens', {
        name: 'Script',
        ...order,
      })
      return { id: body.token.id, api: gateway.as(body.raw_token) }
    }
    const all = await make({ role: 'root' })
    const reader = await make({ role: 'viewer', organization_id: gateway.organization.id })
    const { body: me } = await browser.send<{ session_id: string }>('GET', '/platform/me')

    expect((await reader.api('DELETE', `/tokens/${all.id}`)).status).toBe(403)
    expect((await reader.api('DELETE', `/sessions/${me.session_id}`)).status).toBe(403)
    expect((await all.api('GET', '/me')).status).toBe(200)
    expect((await browser.send('GET', '/platform/me')).status).toBe(200)

    // Whoever finds that it leaked may end it with what is at hand.
    expect((await reader.api('DELETE', `/tokens/${reader.id}`)).status).toBe(204)
    expect((await reader.api('GET', '/me')).status).toBe(401)
    expect((await all.api('DELETE', `/sessions/${me.session_id}`)).status).toBe(204)
  })
})

describe('a job about the whole instance', () => {
  it('is not cancelled by an organization in which root has ordered it', async () => {
    const owner = await gateway.member('owner')
    // Two at a time: those behind them wait, and can be cancelled.
    const jobs = await Promise.all(
      Array.from({ length: 6 }, () =>
        gateway.api<{ id: string }>('POST', `${organization}/jobs`, { type: 'secret_rotation' }),
      ),
    )
    for (const { body } of jobs) {
      const { status } = await owner('POST', `${organization}/jobs/${body.id}/cancel`)
      expect(status).toBe(403)
    }
  })
})

it('one who watches the request log a hundred times leaves room for others', async () => {
  const stop = new AbortController()
  const watch = async (token: string) => {
    const headers = { authorization: `Bearer ${token}` }
    const url = `${gateway.adminUrl}/platform${organization}/requests/stream`
    return (await fetch(url, { headers, signal: stop.signal })).status
  }
  const { token } = await gateway.member('viewer')
  const statuses = await Promise.all(Array.from({ length: 100 }, () => watch(token)))
  expect(statuses.filter((status) => status === 200)).toHaveLength(20)
  expect(statuses.filter((status) => status === 503)).toHaveLength(80)
  expect(await watch(gateway.adminToken)).toBe(200)
  stop.abort()
})
