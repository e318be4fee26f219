import { afterAll, beforeAll, expect, it } from 'vitest'
import { startWatched, type Watched } from '../../helpers/oracles.ts'
import { expectRefused } from './refused.ts'

let watched: Watched

beforeAll(async () => {
  const tenants = Array.from(
    { length: 150 },
    (_, i) => `  - { path: /*, host: tenant${i}.example.com, upstream: api, deny: true }`,
  )
  watched = await startWatched(`
  - { path: /*, upstream: api }
  - { path: /open/*, upstream: api, public: true }
  - { path: /admin/*, upstream: api, deny: true }
  - { path: /ca/prod/*, upstream: api, public: true }
  - { path: /stripped/*, upstream: api, public: true, strip_prefix: /stripped }
  - { path: /pinned/:id/*, upstream: api, public: true, rewrite: /t/:id/public/* }
${tenants.join('\n')}
`)
})
afterAll(() => watched[Symbol.asyncDispose]())

const get = (target: string, fields = ''): string => `GET ${target} HTTP/1.1\r\n{host}\r\n${fields}\r\n`
const auth = '{auth}\r\n'

it('dot segments are refused, raw and in any encoding, before a route is looked for', async () => {
  for (const dots of [
    ...['..', '.', '%2e%2e', '%2E%2e', '.%2e', '%2e.', '%2e', '%252e%252e', '%25%32%65%25%32%65', '%2%65%2%65'],
    ...['%c0%ae%c0%ae', '%e0%80%ae%e0%80%ae', '..;', '..;x=y', '..%00', '..%2f', '..%5c', '..\\', '%u002e%u002e'],
  ]) {
    for (const target of [`/open/${dots}/admin/x`, `/open/${dots}`, `/stripped/${dots}/admin/x`, `/${dots}/admin`]) {
      await expectRefused(watched, get(target), 400, 'BAD_REQUEST_TARGET')
    }
  }
})

it('an encoded separator, NUL or control character is refused', async () => {
  for (const character of ['/', '\\', '\0', ';', '?', '#', '\n', '\r', '\t', '\x7f']) {
    const hex = character.charCodeAt(0).toString(16).padStart(2, '0')
    for (const written of [`%${hex}`, `%${hex.toUpperCase()}`, `%25${hex}`]) {
      await expectRefused(watched, get(`/open${written}admin/x`, auth), 400, 'BAD_REQUEST_TARGET')
      await expectRefused(watched, get(`/open/x${written}`, auth), 400, 'BAD_REQUEST_TARGET')
    }
  }
})

it('letters that are encoded are judged as letters', async () => {
  for (const target of ['/%61dmin/x', '/a%64min', '/%61%64%6d%69%6e/', '/adm%69n/%78']) {
    await expectRefused(watched, get(target, auth), 403, 'ROUTE_DENIED')
  }
  const outcome = await watched.attempt(get('/%6fpen/%7Ex'))
  const { requests } = await watched.verify(outcome)
  expect(requests.map(({ target }) => target)).toEqual(['/open/~x'])
})

it('empty segments and parameters of segments are refused', async () => {
  for (const target of [
    '//admin/x',
    '/open//admin/x',
    '/open/x//',
    '///',
    '/open;x/y',
    '/open/x;a=b',
    '/;/admin',
    '//',
  ]) {
    await expectRefused(watched, get(target, auth), 400, 'BAD_REQUEST_TARGET')
  }
})

it('a fragment is refused, in path and query', async () => {
  for (const target of ['/admin/x#/open/', '/open/x#', '/open/#/../admin', '/open/x?y#z', '/open/x?#/admin']) {
    await expectRefused(watched, get(target, auth), 400, 'BAD_REQUEST_TARGET')
  }
})

it('nothing in the query makes a route public', async () => {
  for (const query of [
    '?/open/x',
    '?path=/open/',
    '?x=/open/*',
    '??/open',
    '?&/open/',
    '?%2Fopen%2F',
    '?url=http://a/open/',
  ]) {
    await expectRefused(watched, get(`/x${query}`), 401, 'INVALID_API_KEY')
    await expectRefused(watched, get(`/admin/x${query}`, auth), 403, 'ROUTE_DENIED')
  }
})

it('a denied path in other letters is no other route', async () => {
  for (const path of ['/ADMIN/x', '/Admin', '/%41dmin/x', '/admin%20/x', '/adm%E2%80%8Bin/x']) {
    await expectRefused(watched, get(path, auth), 404, 'NOT_FOUND')
  }
})

it('letters that change their length when they are folded move no boundary', async () => {
  // In Caddy the index was found in the folded copy, and used to cut the original.
  for (const letter of ['\u0130', '\u212A', '\u017F', '\u1E9E', '\uFB03', '\u0390']) {
    const name = encodeURIComponent(letter)
    const outcome = await watched.attempt(get(`/open/${name}${name}/x.php`))
    const { requests } = await watched.verify(outcome)
    expect(requests.map(({ target }) => target)).toEqual([`/open/${name}${name}/x.php`])
    await expectRefused(watched, get(`/admin/${name}`, auth), 403, 'ROUTE_DENIED')
  }
})

it('the host of a route is found in any case, with a port and with a final dot, among however many', async () => {
  for (const host of [
    'tenant0.example.com',
    'TENANT149.Example.COM',
    'tenant99.example.com.',
    'Tenant120.example.com.:8080',
    'tenant3.example.com:80',
  ]) {
    await expectRefused(watched, `GET /x HTTP/1.1\r\nHost: ${host}\r\n{auth}\r\n\r\n`, 403, 'ROUTE_DENIED')
    await expectRefused(
      watched,
      `GET http://${host}/x HTTP/1.1\r\nHost: ${host}\r\n{auth}\r\n\r\n`,
      403,
      'ROUTE_DENIED',
    )
  }
})

it('a host with empty labels is refused, since it may be another one to who reads it next', async () => {
  for (const host of [
    'tenant0.example.com..',
    'tenant0..example.com',
    'tenant0.example.com..:80',
    '..',
    '.tenant0.example.com',
  ]) {
    await expectRefused(watched, `GET /x HTTP/1.1\r\nHost: ${host}\r\n{auth}\r\n\r\n`, 400, 'BAD_REQUEST')
  }
})

it('the signs that patterns are written with are letters in a path', async () => {
  for (const rest of [
    '*',
    'a*b',
    '**',
    ':id',
    ':',
    '$',
    '(.*)',
    '+',
    '%7Bid%7D',
    '%5Ba-z%5D',
    '%5E',
    '%7C',
    '@',
    '!',
  ]) {
    await expectRefused(watched, get(`/admin/${rest}`, auth), 403, 'ROUTE_DENIED')
    await expectRefused(watched, get(`/admin/${rest}/x`, auth), 403, 'ROUTE_DENIED')
  }
  for (const path of ['/*', '/*/x', '/:any', '/op*', '/open*'])
    await expectRefused(watched, get(path), 401, 'INVALID_API_KEY')
})

it('a target that names another host than Host is refused', async () => {
  for (const [target, host] of [
    ['http://a.example/open/x', 'tenant0.example.com'],
    ['http://tenant0.example.com/x', 'a.example'],
    ['http://a.example@tenant0.example.com/x', 'a.example'],
    ['http://a.example:80/open/x', 'a.example'],
    ['http:///open/x', 'a.example'],
    ['ftp://a.example/open/x', 'a.example'],
    ['a.example/open/x', 'a.example'],
  ]) {
    await expectRefused(watched, `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n{auth}\r\n\r\n`, 400, 'BAD_REQUEST_TARGET')
  }
})

it('a target without its first slash is refused', async () => {
  for (const target of ['admin/x', 'open/x', 'open/../admin/x', '?x', '.', '%2fadmin/x']) {
    const outcome = await watched.attempt(get(target, auth))
    expect({ target, statuses: outcome.responses.map(({ status }) => status) }).toEqual({ target, statuses: [400] })
    expect((await watched.verify(outcome)).requests).toEqual([])
  }
})

it('a route holds whole segments: a neighbour whose name begins alike is not public with it', async () => {
  for (const path of [
    '/ca/production',
    '/ca/prod2/x',
    '/ca/prod.bak',
    '/openx',
    '/open.../admin',
    '/open../admin/x',
    '/stripped../x',
  ]) {
    await expectRefused(watched, get(path), 401, 'INVALID_API_KEY')
  }
})

it('what is left when a prefix is stripped begins with a slash and is canonical', async () => {
  for (const [path, forwarded] of [
    ['/stripped/x', '/x'],
    ['/stripped/@evil.example/x', '/@evil.example/x'],
    ['/stripped/http:/evil.example', '/http:/evil.example'],
    ['/stripped', '/'],
    ['/stripped/', '/'],
    ['/%73tripped/%61', '/a'],
  ]) {
    const outcome = await watched.attempt(get(path as string))
    const { requests } = await watched.verify(outcome)
    expect(requests.map(({ target }) => target)).toEqual([forwarded])
  }
  for (const path of ['/stripped//x', '/stripped/%2fx', '/stripped/..', '/stripped/%2e%2e/x', '/stripped%2fx']) {
    await expectRefused(watched, get(path), 400, 'BAD_REQUEST_TARGET')
  }
})

it('what a parameter stands for leaves its place in a rewritten path neither up, down nor out', async () => {
  for (const id of ['..', '%2e%2e', 'a%2fadmin', 'a%2Fadmin%23', 'a%3f', 'a%23', 'a%5c..', 'a%252fb', 'a;b', '']) {
    await expectRefused(watched, get(`/pinned/${id}/x`), 400, 'BAD_REQUEST_TARGET')
  }
  for (const [id, seen] of [
    ['a%20b', 'a%20b'],
    ['%41%3A%40', 'A:@'],
    ['%2a', '*'],
    [':id', ':id'],
    ['$&', '$&'],
    ['caf%c3%a9', 'caf%C3%A9'],
  ]) {
    const outcome = await watched.attempt(get(`/pinned/${id}/x`))
    const { requests } = await watched.verify(outcome)
    expect(requests.map(({ target }) => target)).toEqual([`/t/${seen}/public/x`])
  }
})

it('a request to upgrade is judged by its path like any other', async () => {
  const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\n'
  for (const path of [
    '/open/../admin/x',
    '/stripped/%2e%2e/admin',
    '/stripped//admin',
    '/open/x%2f..',
    '/open/;x',
    '/open/x#',
  ]) {
    await expectRefused(watched, get(path, auth + upgrade), 400, 'BAD_REQUEST_TARGET')
  }
  await expectRefused(watched, get('/%61dmin/x', auth + upgrade), 403, 'ROUTE_DENIED')
  await expectRefused(watched, get('/x', upgrade), 401, 'INVALID_API_KEY')
})

it('no answer sends a browser to another place', async () => {
  for (const target of [
    '//evil.example/%2e%2e',
    '/\\evil.example',
    '/open',
    '/open/',
    '/x?next=//evil.example',
    'http://evil.example/',
  ]) {
    const outcome = await watched.attempt(get(target))
    for (const response of outcome.responses) {
      expect(response.status < 300 || response.status >= 400).toBe(true)
      expect(response.headerAll('location')).toEqual([])
    }
    await watched.verify(outcome)
  }
})
