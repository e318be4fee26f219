import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { attemptOne, compose } from '../../helpers/attempt-one.ts'
import { startWatched, type Watched } from '../../helpers/oracles.ts'
import { compositions, dissenters, interpreters, type Rule } from '../interpreters.ts'

const paths = ['/*', '/open/*', '/admin/*', '/v1/:id', '/v1/:id/keys', '/v1/me', '/Mixed/*', '/caf%C3%A9/*', '/k/s/i']
const rules: Rule[] = paths.map((path) => ({ path, rule: path }))
let watched: Watched

beforeAll(async () => {
  watched = await startWatched(`
  - { path: /*, upstream: api }
  - { path: /open/*, upstream: api, public: true }
  - { path: /admin/*, deny: true }
  - { path: '/v1/:id', upstream: api }
  - { path: '/v1/:id/keys', deny: true }
  - { path: /v1/me, deny: true }
  - { path: /Mixed/*, deny: true }
  - { path: /caf%C3%A9/*, deny: true }
  - { path: /k/s/i, deny: true }
`)
})
afterAll(async () => await watched[Symbol.asyncDispose]())

/** Ways to write what stands between two segments, in front of them and behind them. */
const disguises: readonly (readonly [what: string, targets: readonly string[]])[] = [
  ['dots', ['/open/../admin', '/open/./../admin', '/open/..', '/..', '/admin/.', '/./admin', '/open/x/../../admin/x']],
  [
    'encoded dots',
    ['/open/%2e%2e/admin', '/open/.%2e/admin', '/open/%2E./admin', '/%2e/admin', '/open/%2e%2e%2fadmin'],
  ],
  ['double-encoded dots', ['/open/%252e%252e/admin', '/open/%252E%2e/admin', '/open/%25%32%65%25%32%65/admin']],
  ['triple-encoded dots', ['/open/%25252e%25252e/admin', '/open/%2525%32e/admin']],
  ['slashes', ['//admin', '/open//admin', '///admin', '/admin//', '//open/../admin', '/open///']],
  ['encoded slashes', ['/open%2fadmin', '/open%2Fadmin', '/%2fadmin', '/open/..%2fadmin', '/admin%2f', '/%2F/admin']],
  ['double-encoded slashes', ['/open%252fadmin', '/%252fadmin', '/open/..%252f..%252fadmin', '/open%25%32%66admin']],
  ['backslashes', ['/\\admin', '/open\\admin', '/open/..\\admin', '\\admin', '/open\\..\\admin', '/admin\\']],
  ['encoded backslashes', ['/%5cadmin', '/open%5Cadmin', '/open/..%5cadmin', '/open%255cadmin', '/open/%5c..%5cadmin']],
  ['NUL', ['/admin%00', '/open/%00/admin', '/%00admin', '/admin%00.html', '/admin\0', '/admin%2500', '/adm%00in']],
  [
    'controls',
    ['/admin%09', '/admin%0a', '/admin%0d%0a', '/adm%7fin', '/adm%1bin', '/%08admin', '/admin%C2%85', '/admin%0b'],
  ],
  [
    'ends',
    ['/admin?', '/admin%3f', '/admin%3fx', '/admin#', '/admin%23', '/admin%23x', '/open/x%3f/../admin', '/admin%253f'],
  ],
  [
    'parameters',
    ['/admin;x', '/admin;x=1/y', '/admin%3bx', '/;/admin', '/open/..;/admin', '/open;/admin', '/admin%253bx'],
  ],
  [
    'overlong UTF-8',
    ['/open/%c0%ae%c0%ae/admin', '/%c0%afadmin', '/open/%e0%80%ae./admin', '/open/%f0%80%80%ae./admin'],
  ],
  ['broken UTF-8', ['/admin%ff', '/admin%c3', '/admin%c3/x', '/%80admin', '/admin%ed%a0%80', '/admin%f5%80%80%80']],
  ['raw bytes', ['/adm\xefin', '/admin\xa0', '/\xc3\xa9', '/admin\xff', '/adm in', '/admin\t', '/caf\xc3\xa9/x']],
  [
    'broken escapes',
    ['/admin%', '/admin%2', '/admin%zz', '/%%61dmin', '/admin%2%30', '/%u0061dmin', '/open/%u002e%u002e/admin'],
  ],
  [
    'escapes of another kind',
    ['/open/%25u002e%25u002e/admin', '/\\u0061dmin', '/&#97;dmin', '/%26%2397%3Bdmin', '/=61dmin'],
  ],
  [
    'case',
    ['/ADMIN', '/Admin/x', '/aDMIN/x', '/%41dmin', '/V1/me', '/v1/ME', '/v1/x/KEYS', '/mixed/x', '/MIXED', '/K/S/I'],
  ],
  [
    'letters that fold',
    ['/%E2%84%AA/s/i', '/k/%C5%BF/i', '/k/s/%C4%B1', '/k/s/%C4%B0', '/adm%C4%B1n', '/adm%C4%B0n', '/CAF%C3%89/x'],
  ],
  [
    'spaces',
    ['/admin%20', '/%20admin', '/ad%20min', '/admin%20/x', '/%20/admin', '/v1/me%20', '/v1/%20/keys', '/v1/x%20/keys'],
  ],
  [
    'dots and spaces',
    ['/open/.%20./admin', '/open/%20../admin', '/open/..%20/admin', '/open/.%20/admin', '/open/.%C2%A0.'],
  ],
  [
    'what can’t be seen',
    ['/adm%E2%80%8Bin', '/admin%EF%BB%BF', '/%C2%AD/admin', '/admin%E2%80%AE', '/adm%CC%81in', '/v1/%E2%81%A0/keys'],
  ],
  [
    'fullwidth letters',
    ['/%EF%BD%81dmin', '/%EF%BC%A1dmin', '/v1/%EF%BD%8De', '/v1/x/%EF%BD%8Beys', '/%F0%9D%90%9Admin'],
  ],
  [
    'fullwidth dots',
    [
      '/open/%EF%BC%8E%EF%BC%8E/admin',
      '/open/%E2%80%A4%E2%80%A4/admin',
      '/open/%E2%80%A5/admin',
      '/open/.%EF%BC%8E/admin',
    ],
  ],
  [
    'fullwidth separators',
    [
      '/%EF%BC%8Fadmin',
      '/open%EF%BC%8F..%EF%BC%8Fadmin',
      '/admin%EF%BC%BCx',
      '/admin%EF%BC%9Bx',
      '/admin%EF%BC%9Fx',
      '/admin%EF%BC%83x',
    ],
  ],
  ['fullwidth escapes', ['/%EF%BC%8561dmin', '/open/%EF%BC%852e%EF%BC%852e/admin', '/%EF%BC%852fadmin']],
  ['an escape that a space hides', ['/%25%2061dmin', '/%25%206%201dmin', '/open/%25%202e%25%202e/admin']],
  [
    'absolute form',
    [
      'http://{authority}/admin',
      'http://{authority}//admin',
      'http://{authority}/open/../admin',
      'HTTP://{authority}/ADMIN',
    ],
  ],
  [
    'other forms',
    ['*', 'admin', '?/admin', './admin', '../admin', '/open/x:@../admin', 'http:/admin', 'http:admin', 'file:///admin'],
  ],
  [
    'what is plain',
    [
      '/x/README.md',
      '/x/a.b..c',
      '/x/...',
      '/x/~',
      '/x/a+b',
      '/x/a%20b',
      '/x/%E6%97%A5b',
      '/x/100%25',
      '/x/a=b,c',
      '/v1/x',
    ],
  ],
]

describe('a path that is let through is one rule to every origin, and is forwarded to the byte', () => {
  it.each(disguises.flatMap(([what, targets]) => targets.map((target) => [what, target] as const)))(
    '%s: %j',
    async (_what, target) => {
      const written = target.replace('{authority}', watched.gateway.host)
      for (const auth of ['{auth}', '']) {
        const { answer, request, line } = await attemptOne(watched, compose(written, { auth }))
        if (request === undefined) {
          expect([400, 401, 403, 404]).toContain(answer.status)
          continue
        }
        const [path = ''] = request.target.split('?')
        expect(path).toBe(line.path)
        expect(dissenters(rules, path, line.route ?? '', [...interpreters, ...compositions()])).toEqual([])
        expect(['/admin/*', '/v1/:id/keys', '/v1/me', '/Mixed/*', '/caf%C3%A9/*', '/k/s/i']).not.toContain(line.route)
      }
    },
  )

  it('and what is plain is let through', async () => {
    for (const target of disguises.at(-1)?.[1] ?? []) {
      expect([target, (await attemptOne(watched, compose(target))).request?.target]).toEqual([target, target])
    }
  })
})
