import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AdminGateway, startAdmin } from '../../helpers/admin.ts'
import type { Browser } from '../../helpers/browser.ts'
import { fetchOpenApi, type Operation } from '../../helpers/openapi-document.ts'
import { logIn, logInRoot } from '../../helpers/operators.ts'

/** Walks every operation of the document: a page of somebody else's gets nothing out of a session that a browser has. */
let gateway: AdminGateway
let operations: readonly Operation[]
let email: string
let browser: Browser

beforeAll(async () => {
  gateway = await startAdmin()
  operations = (await fetchOpenApi(gateway.adminUrl)).operations
  const root = await logInRoot(gateway)
  email = root.email
  browser = root.browser
})
afterAll(() => gateway[Symbol.asyncDispose]())

type Headers = Readonly<Record<string, string | undefined>>
const isUnsafe = ({ method }: Operation): boolean => method !== 'GET'
const isOpen = ({ path }: Operation): boolean => /\/(sessions|setup|auth\/\w+|auth\/oidc\/callback)$/.test(path)
/** Of nothing that is there: whose page it is comes before what it is about. */
const fill = (path: string): string => path.replaceAll(/\{(\w+)\}/g, 'none_00000000000000000000000000')

/** What browsers send from elsewhere, and what somebody sends who would like to be taken for a page of ours. */
function foreignHeaders(): Record<string, Headers> {
  const { host, hostname, port, origin } = new URL(gateway.adminUrl)
  const old = { 'sec-fetch-site': undefined }
  return {
    'another site': { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
    'another site, in a browser that does not say so': { ...old, origin: 'https://evil.example' },
    'a sandboxed frame': { ...old, origin: 'null' },
    'a sandboxed frame of our own page': { origin: 'null', 'sec-fetch-site': 'cross-site' },
    'another port of the same host': { ...old, origin: `http://${hostname}:${Number(port) - 1}` },
    'the same host without a port': { ...old, origin: `http://${hostname}` },
    'a name that begins like ours': { ...old, origin: `http://${host}.evil.example` },
    'a name that ends like ours': { ...old, origin: `http://evil.${host}` },
    'our origin with a slash': { ...old, origin: `${origin}/` },
    'our origin with a user': { ...old, origin: `http://evil@${host}` },
    'our origin behind another': { ...old, origin: `https://evil.example, ${origin}` },
    'our origin before another': { ...old, origin: `${origin}, https://evil.example` },
    'our origin in another scheme': { ...old, origin: `ftp://${host}` },
    'our origin in capitals': { ...old, origin: origin.toUpperCase() },
    'an empty Origin': { ...old, origin: '' },
    'our origin from another site': { 'sec-fetch-site': 'cross-site' },
    'our origin from the same site': { 'sec-fetch-site': 'same-site' },
    'our origin from two places': { 'sec-fetch-site': 'same-origin, cross-site' },
    'no Origin from another site': { origin: undefined, 'sec-fetch-site': 'cross-site' },
  }
}

describe('a session that a browser sends along', () => {
  it('changes nothing for a page that is not ours, at any endpoint', async () => {
    let cases = 0
    for (const operation of operations.filter(isUnsafe)) {
      for (const [name, headers] of Object.entries(foreignHeaders())) {
        const { status } = await browser.send(operation.method, fill(operation.path), { x: 1 }, headers)
        expect([operation.id, name, status]).toEqual([operation.id, name, 403])
        cases++
      }
    }
    expect(cases).toBeGreaterThan(700)
  })

  it('changes nothing where nothing says whose page it was', async () => {
    const headers = { origin: undefined, 'sec-fetch-site': undefined }
    for (const { id, method, path } of operations.filter((one) => isUnsafe(one) && !isOpen(one))) {
      const { status } = await browser.send(method, fill(path), { x: 1 }, headers)
      expect([id, status]).toEqual([id, 403])
    }
    // A log-in brings no session along, and a script that logs in has no page.
    const { status } = await browser.send('POST', '/platform/sessions', { email, password: 'wrong' }, headers)
    expect(status).toBe(401)
  })

  it('does as it is told by a page of ours, by either sign', async () => {
    const { origin } = new URL(gateway.adminUrl)
    for (const headers of [
      { origin, 'sec-fetch-site': undefined },
      { origin: undefined, 'sec-fetch-site': 'same-origin' },
    ]) {
      for (const { id, method, path } of operations.filter(isUnsafe)) {
        if (id === 'logOut') continue
        const { status } = await browser.send(method, fill(path), { x: 1 }, headers)
        expect([id, [200, 400, 401, 404, 422].includes(status), status]).toEqual([id, true, status])
      }
    }
  })

  it('takes nothing that a form can send, not even from a page of ours', async () => {
    const types = [
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'text/plain',
      'text/plain; application/json',
      'text/plain;charset=utf-8',
      'application/x-www-form-urlencoded; x=application/json',
      'text/json',
      'application/json-patch+json',
      'application/csp-report',
      '',
    ]
    const fresh = await logIn(gateway.adminUrl, email)
    for (const { id, method, path } of operations.filter(isUnsafe)) {
      for (const type of types) {
        const { status } = await fresh.send(method, fill(path), '{"name":"x","a":"=b"}', { 'content-type': type })
        // 404: there is no such object, which is found out before the body is looked at.
        const wanted = path.includes('{') ? 404 : 415
        expect([id, type, status]).toEqual([id, type, wanted])
      }
    }
  })

  it('is read by nobody else’s page, and does no work for it', async () => {
    for (const { id, method, path } of operations.filter((one) => !isUnsafe(one) && !isOpen(one))) {
      for (const site of ['cross-site', 'same-site', 'same-origin, none']) {
        const { status } = await browser.send(method, fill(path), undefined, { 'sec-fetch-site': site })
        expect([id, site, status]).toEqual([id, site, 403])
      }
      const { status } = await browser.send(method, fill(path), undefined, {
        origin: 'http://localhost:1',
        'sec-fetch-site': undefined,
      })
      expect([id, status]).toEqual([id, 403])
    }
    for (const site of [undefined, 'none', 'same-origin']) {
      expect((await browser.send('GET', '/platform/me', undefined, { 'sec-fetch-site': site })).status).toBe(200)
    }
  })

  it('of a page on TLS is not lent to the same host without TLS, which anybody on the way can be', async () => {
    const { host } = new URL(gateway.adminUrl)
    const own = await logIn(gateway.adminUrl, email)
    const token = own.cookies.get('sallyport_session') ?? ''
    const ask = (cookie: string, origin: string) =>
      own.send('POST', '/platform/config/reload', { x: 1 }, { cookie, origin, 'sec-fetch-site': undefined })
    expect((await ask(`__Host-sallyport=${token}`, `https://${host}`)).status).toBe(422)
    expect((await ask(`__Host-sallyport=${token}`, `http://${host}`)).status).toBe(403)
    expect((await ask(`sallyport_session=${token}`, `http://${host}`)).status).toBe(422)
  })
})

it('a token is nothing that a browser sends along: it works from wherever it is sent', async () => {
  for (const headers of Object.values(foreignHeaders())) {
    const sent = Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined))
    expect((await gateway.api('POST', '/config/reload', { x: 1 }, sent as Record<string, string>)).status).toBe(422)
  }
})
