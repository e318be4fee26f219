import { describe, expect, it } from 'vitest'
import { isOwnHost } from '../../src/admin-api/hosts.ts'
import { startAdmin } from '../helpers/admin.ts'
import { openBrowser } from '../helpers/browser.ts'
import { connectRaw } from '../helpers/raw-client.ts'

describe('Host of the admin plane', () => {
  it('refuses a name that is not its own, before anything else, so that a rebound name reads nothing', async () => {
    await using gateway = await startAdmin('admin: { listen: 127.0.0.1:0, hosts: [admin.example.com] }')
    const browser = openBrowser(gateway.adminUrl)
    const ask = async (path: string, host: string) => {
      const { status, body } = await browser.send('GET', path, undefined, {
        host,
        authorization: `Bearer ${gateway.adminToken}`,
      })
      return [status, (body as { code?: string }).code]
    }
    const { port } = new URL(gateway.adminUrl)
    for (const host of ['evil.example', `evil.example:${port}`, 'localhost.evil.example', '127.0.0.1.evil.example']) {
      expect([host, ...(await ask('/platform/me', host))]).toEqual([host, 400, 'BAD_REQUEST'])
      expect((await ask('/openapi.json', host))[0]).toBe(400)
      expect((await ask('/nowhere', host))[0]).toBe(400)
    }
    for (const host of [
      `localhost:${port}`,
      'gateway.localhost',
      '127.0.0.1:1',
      '[::1]',
      '192.168.1.5',
      'Admin.Example.com:443',
    ]) {
      expect([host, (await ask('/platform/me', host))[0]]).toEqual([host, 200])
    }
  })

  it('asks for no name on the pages of probes and scrapers', async () => {
    await using gateway = await startAdmin('context: { sign: true }')
    const browser = openBrowser(gateway.adminUrl)
    for (const path of ['/healthz', '/readyz', '/metrics', '/.well-known/jwks.json']) {
      // As they ask who are no browsers: of those see test/security/admin/surface.test.ts.
      const { status } = await browser.send('GET', path, undefined, {
        host: 'sallyport:9090',
        'sec-fetch-site': undefined,
      })
      expect([path, status]).toEqual([path, 200])
    }
  })

  it('wants a Host also from those that may leave it out', async () => {
    await using gateway = await startAdmin()
    for (const head of ['GET /platform/me HTTP/1.0\r\n', 'GET /platform/me HTTP/1.1\r\nHost:\r\n']) {
      using client = await connectRaw(gateway.adminUrl)
      await client.send(`${head}Authorization: Bearer ${gateway.adminToken}\r\n\r\n`)
      expect((await client.response()).status).toBe(400)
    }
  })

  it('takes a target in absolute-form as what stands behind its authority, where that is the Host', async () => {
    await using gateway = await startAdmin()
    const { host } = new URL(gateway.adminUrl)
    await gateway.createOrg()
    const ask = async (target: string, sent = host, path = '/platform/organizations?limit=1') => {
      using client = await connectRaw(gateway.adminUrl)
      const credentials = `Host: ${sent}\r\nAuthorization: Bearer ${gateway.adminToken}\r\nConnection: close`
      await client.send(`GET ${target}${path} HTTP/1.1\r\n${credentials}\r\n\r\n`)
      return await client.response()
    }
    for (const target of ['', `http://${host}`, `HTTP://${host}`, `https://${host}`]) {
      const response = await ask(target)
      expect([target, response.status]).toEqual([target, 200])
      expect(response.header('link')).toMatch(/^<\/platform\/organizations\?limit=1&cursor=org_/)
    }
    expect((await ask('http://LocalHost:1', 'localhost:1')).status).toBe(200)
    expect((await ask(`http://${host}`, host, '')).header('content-type')).toMatch(/^text\/html/)

    for (const target of [
      'http://evil.example',
      `http://${host}.evil.example`,
      `http://admin@${host}`,
      'http://127.0.0.1',
      'http://localhost:1',
      'http://',
      `ftp://${host}`,
    ]) {
      for (const path of ['/platform/organizations?limit=1', '/healthz', '/nowhere']) {
        const response = await ask(target, host, path)
        expect([target, path, response.status]).toEqual([target, path, 400])
        expect(JSON.parse(response.text())).toMatchObject({ code: 'BAD_REQUEST_TARGET' })
      }
    }
  })

  it('knows the name of the listen address', () => {
    const own = { listen: 'Admin.internal', hosts: [] }
    expect(isOwnHost('admin.internal:9090', own)).toBe(true)
    expect(isOwnHost('admin.internal.:9090', own)).toBe(true)
    for (const host of [
      undefined,
      '',
      'admin.internal@evil.example',
      'other.internal',
      '[evil]',
      '::1',
      'a b',
      '0x7f000001',
    ]) {
      expect([host, isOwnHost(host, own)]).toEqual([host, false])
    }
  })
})
