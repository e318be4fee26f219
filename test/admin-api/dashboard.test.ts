import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dashboard } from '../../src/admin-api/dashboard.ts'
import { isOwnHost } from '../../src/admin-api/hosts.ts'
import { type AdminServer, createAdminServer } from '../../src/admin-api/server.ts'
import { createMetrics } from '../../src/metrics/registry.ts'
import { startAdmin } from '../helpers/admin.ts'
import { expectProblem } from '../helpers/problem.ts'
import { connectRaw, type RawResponse } from '../helpers/raw-client.ts'

const pages = ['/', '/login', '/setup', '/account', '/organizations', '/operators', '/policy', '/explain', '/requests']
const deepPages = [
  ...pages,
  '/events',
  '/overview',
  '/welcome',
  '/o/acme/keys',
  '/o/acme/keys/key_1?tab=usage',
  '/?organization=acme',
]
const asset = '/assets/index-Bx1_c-9a.js'
const code = `console.log('${'dashboard '.repeat(50)}')`

let folder: string
let server: AdminServer
let url: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-dashboard-'))
  await writeFile(join(folder, 'secret.txt'), 'not for the world')
  await mkdir(join(folder, 'built/assets/nested'), { recursive: true })
  await writeFile(join(folder, 'built/index.html'), page)
  await writeFile(join(folder, 'built/beside.js'), code)
  await writeFile(join(folder, 'built', asset), code)
  await writeFile(join(folder, 'built/assets/index-Dq0.css'), 'body{margin:0}')
  await writeFile(join(folder, 'built/assets/mark-C2.svg'), '<svg xmlns="http://www.w3.org/2000/svg"/>')
  await writeFile(join(folder, 'built/assets/.hidden.js'), code)
  await writeFile(join(folder, 'built/assets/nested/deep-C3.js'), code)
  ;({ server, url } = await start(join(folder, 'built')))
})
afterAll(async () => {
  await server.close()
  await rm(folder, { recursive: true, force: true })
})

const page = `<!doctype html><meta property="csp-nonce" nonce="__CSP_NONCE__">
<script type="module" nonce="__CSP_NONCE__" src="${asset}"></script><div id="root"></div>`

describe('every page of the dashboard', () => {
  it.each(deepPages)('%s is the application, never cached', async (path) => {
    const answer = await get(path)
    expect([answer.status, answer.header('content-type'), answer.header('cache-control')]).toEqual([
      200,
      'text/html; charset=utf-8',
      'no-store',
    ])
    expect(answer.text()).toContain('<div id="root"></div>')
    expect(answer.header('x-content-type-options')).toBe('nosniff')
    expect(answer.header('x-frame-options')).toBe('DENY')
    expect(answer.header('referrer-policy')).toBe('no-referrer')
    expect(answer.header('x-request-id')).toBeDefined()
  })

  it('runs its own files alone, and styles with what carries the nonce of this answer', async () => {
    const answer = await get('/o/acme/keys')
    const policy = directives(answer)
    const nonce = /'nonce-([A-Za-z0-9+/]{22}==)'/.exec(policy['style-src'] ?? '')?.[1] ?? ''
    expect(policy).toEqual({
      'default-src': "'none'",
      'script-src': "'self'",
      'style-src': `'self' 'nonce-${nonce}'`,
      'img-src': "'self' data:",
      'connect-src': "'self'",
      'font-src': "'self'",
      'base-uri': "'none'",
      'form-action': "'self'",
      'frame-ancestors': "'none'",
    })
    expect(nonce).not.toBe('')
    expect([...answer.text().matchAll(/nonce="([^"]*)"/g)].map(([, found]) => found)).toEqual([nonce, nonce])
    expect(answer.text()).not.toContain('__CSP_NONCE__')
  })

  it('has a nonce that no answer had before', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => get('/')))
    expect(new Set(answers.map((answer) => directives(answer)['style-src'])).size).toBe(20)
  })

  it('is there for HEAD, without a body', async () => {
    for (const path of ['/', '/o/acme', asset]) {
      const answer = await raw(`HEAD ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`, 'HEAD')
      expect([path, answer.status, answer.content.length]).toEqual([path, 200, 0])
      expect(Number(answer.header('content-length'))).toBeGreaterThan(50)
    }
  })

  it('takes no other method', async () => {
    for (const path of ['/', '/login', '/o/acme', asset]) {
      const answer = await raw(`POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n`)
      expectProblem(answer, 405, 'METHOD_NOT_ALLOWED')
      expect(answer.header('allow')).toBe('GET, HEAD')
    }
  })

  it('is refused under a name that is not the gateway’s', async () => {
    for (const path of ['/', '/o/acme', asset]) {
      expectProblem(await raw(`GET ${path} HTTP/1.1\r\nHost: evil.example\r\n\r\n`), 400, 'BAD_REQUEST')
    }
  })
})

describe('files of the dashboard', () => {
  it.each([
    [asset, /javascript/],
    ['/assets/index-Dq0.css', /^text\/css/],
    ['/assets/mark-C2.svg', /^image\/svg\+xml/],
  ])('%s is kept for ever', async (path, type) => {
    const answer = await get(path)
    expect([answer.status, answer.header('cache-control')]).toEqual([200, 'public, max-age=31536000, immutable'])
    expect(answer.header('content-type')).toMatch(type)
    expect(answer.header('x-content-type-options')).toBe('nosniff')
    // Opened by itself, a picture is a page too.
    expect(answer.header('content-security-policy')).toBe("default-src 'none'; frame-ancestors 'none'")
  })

  it('come compressed where the build has left them so, and the browser can read it', async () => {
    await writeFile(join(folder, 'built/assets/big-D1.js'), code)
    await writeFile(join(folder, 'built/assets/big-D1.js.br'), 'short')
    const packed = await get('/assets/big-D1.js', 'Accept-Encoding: gzip, br\r\n')
    expect([packed.text(), packed.header('content-encoding'), packed.header('vary')]).toEqual([
      'short',
      'br',
      'accept-encoding',
    ])
    expect(packed.header('content-type')).toMatch(/javascript/)
    expect(packed.header('cache-control')).toBe('public, max-age=31536000, immutable')
    const plain = await get('/assets/big-D1.js')
    expect([plain.text(), plain.header('content-encoding')]).toEqual([code, undefined])
  })

  it('that are not there are a 404 that nobody keeps', async () => {
    for (const path of ['/assets/index-old.js', '/assets/', '/assets', `${asset}/`]) {
      const answer = await get(path)
      expectProblem(answer, 404, 'NOT_FOUND')
      expect([path, answer.header('cache-control')]).toEqual([path, 'no-store'])
    }
  })

  it.each([
    '/assets/../beside.js',
    '/assets/..%2fbeside.js',
    '/assets/..%2Findex.html',
    '/assets/%2e%2e/beside.js',
    '/assets/%2e%2e%2f%2e%2e%2fsecret.txt',
    '/assets/..%5c..%5csecret.txt',
    '/assets/..%2f..%2fsecret.txt',
    '/assets/....//secret.txt',
    '/assets/%252e%252e%252fsecret.txt',
    '/assets//etc/passwd',
    '/assets/%2fetc%2fpasswd',
    '/assets/.hidden.js',
    `/assets/${'x'.repeat(256)}`,
    '/assets/nested/deep-C3.js',
    '/assets/nested%2fdeep-C3.js',
    '/assets/nested',
    '/assets/index-Bx1_c-9a.js%00.css',
    '/assets/INDEX-Bx1_c-9a.js',
    '/beside.js',
    '/index.html',
    '/secret.txt',
  ])('%s leads nowhere', async (path) => {
    expectProblem(await get(path), 404, 'NOT_FOUND')
  })
})

it.each(['/nowhere', '/Login', '/login/', '/login/x', '/requests/1', '/o', '/favicon.ico', '/robots.txt', '/.env'])(
  '%s is no page of it, and stays a problem',
  async (path) => {
    expectProblem(await get(path), 404, 'NOT_FOUND')
  },
)

describe('where it is not built', () => {
  it('every page says how, and nothing else of the plane is touched', async () => {
    const empty = await start(join(folder, 'nothing here'))
    const ask = (path: string) => raw(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`, 'GET', empty.url)
    for (const path of ['/', '/o/acme/keys']) {
      const answer = await ask(path)
      expect([answer.status, answer.header('content-type')]).toEqual([503, 'text/html; charset=utf-8'])
      expect(answer.text()).toContain('npm run build:admin')
      expect(answer.text()).not.toMatch(/<script|<style|\sstyle=/)
      expect(directives(answer)).toMatchObject({ 'default-src': "'none'", 'frame-ancestors': "'none'" })
      expect(answer.header('cache-control')).toBe('no-store')
    }
    expectProblem(await ask(asset), 404, 'NOT_FOUND')
    expect((await ask('/healthz')).status).toBe(200)
    await empty.server.close()
  })

  it('is there with the next page when it has been built', async () => {
    const later = join(folder, 'later')
    const started = await start(later)
    const ask = (path: string) => raw(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`, 'GET', started.url)
    expect((await ask('/')).status).toBe(503)
    await mkdir(join(later, 'assets'), { recursive: true })
    await writeFile(join(later, 'index.html'), page)
    await writeFile(join(later, asset), code)
    expect([(await ask('/')).status, (await ask(asset)).text()]).toEqual([200, code])
    await started.server.close()
  })
})

it('leaves the rest of a gateway as it was', async () => {
  await using gateway = await startAdmin()
  const type = async (path: string) => {
    const answer = await fetch(`${gateway.adminUrl}${path}`)
    await answer.body?.cancel()
    return answer.headers.get('content-type')
  }
  expect(await type('/')).toBe('text/html; charset=utf-8')
  expect(await type('/platform/me')).toMatch(/^application\/problem\+json/)
  expect(await type('/openapi.json')).toMatch(/^application\/json/)
  expect(await type('/metrics')).toMatch(/^text\/plain/)
  const docs = await fetch(`${gateway.adminUrl}/docs`)
  expect([docs.status, await docs.text()]).toEqual([200, expect.stringContaining('swagger-ui')])
  const { paths } = (await (await fetch(`${gateway.adminUrl}/openapi.json`)).json()) as { paths: object }
  expect(Object.keys(paths).filter((path) => !path.startsWith('/platform/'))).toEqual([])
})

async function start(built: string): Promise<{ server: AdminServer; url: string }> {
  const server = createAdminServer({
    metrics: createMetrics({ version: '0', nodeDefaults: false }),
    failedChecks: async () => ({}),
    events: { fault: (where, error) => expect.fail(`${where}: ${String(error)}`) },
    isOwnHost: (host) => isOwnHost(host, { listen: '127.0.0.1', hosts: [] }),
    plugins: [dashboard(built)],
  })
  const { host, port } = await server.listen({ host: '127.0.0.1', port: 0 })
  return { server, url: `http://${host}:${port}` }
}

/** Not by fetch, which would tidy up the path. */
async function raw(bytes: string, to = 'GET', at = url): Promise<RawResponse> {
  using client = await connectRaw(at)
  await client.send(bytes)
  return await client.response({ to, withinMs: 3000 })
}

const get = (path: string, headers = '') => raw(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`)

const directives = (answer: RawResponse): Record<string, string> =>
  Object.fromEntries(
    (answer.header('content-security-policy') ?? '').split('; ').map((directive) => {
      const [name = '', ...values] = directive.split(' ')
      return [name, values.join(' ')]
    }),
  )
