import { describe, expect, it } from 'vitest'
import { dataUrl } from '../../src/admin-api/data-url.ts'
import { version } from '../../src/version.ts'
import { adminConfig, startAdmin } from '../helpers/admin.ts'

interface Settings {
  readonly scopes: { readonly name: string; readonly description: string }[]
  readonly data_url: string
}

describe('GET /platform/settings', () => {
  it('tells a viewer what keys can be made of and where they are used, and no more', async () => {
    await using gateway = await startAdmin()
    const viewer = await gateway.member('viewer')
    const { status, body } = await viewer('GET', '/settings')
    expect([status, body]).toEqual([
      200,
      {
        version,
        scopes: [
          { name: 'projects:read', description: 'Read projects' },
          { name: 'projects:write', description: 'Change projects' },
          { name: 'runs:write', description: 'Start audits' },
        ],
        environments: ['live', 'test'],
        default_scopes: ['*'],
        key_prefix: 'sk',
        reveal: false,
        self_service: { path: '/tenants/me/api-keys' },
        me_path: '/api/v1/me',
        data_url: gateway.dataUrl,
      },
    ])
  })

  it('tells nobody who is not logged in', async () => {
    await using gateway = await startAdmin()
    expect((await gateway.as(null)('GET', '/settings')).status).toBe(401)
  })

  it('follows a reload', async () => {
    await using gateway = await startAdmin()
    await gateway.writeConfig(`
${adminConfig}
keys: { prefix: acme, environments: [], default_scopes: ["projects:read"], reveal: true }
self_service: false
me: { path: /whoami }
`)
    expect((await gateway.api('POST', '/config/reload')).status).toBe(200)
    expect((await gateway.api('GET', '/settings')).body).toMatchObject({
      key_prefix: 'acme',
      environments: [],
      default_scopes: ['projects:read'],
      reveal: true,
      self_service: null,
      me_path: '/whoami',
    })
  })

  it('shows of what the environment gave only where it stands, as the policy does', async () => {
    const env = { MEANING: 'inner words' }
    await using gateway = await startAdmin(`scopes: { "a:read": "\${MEANING}" }`, { env })
    const { body } = await gateway.api<Settings>('GET', '/settings')
    const policy = await gateway.api<Settings>('GET', '/policy')
    expect(body.scopes).toEqual([{ name: 'a:read', description: `\${MEANING}` }])
    expect(policy.body.scopes).toEqual(body.scopes)
    expect(JSON.stringify(body)).not.toContain('inner words')
  })

  it('has an address that answers a first call', async () => {
    await using gateway = await startAdmin('listen: 0.0.0.0:0')
    const { body } = await gateway.api<Settings>('GET', '/settings')
    const { raw } = await gateway.createKey()
    const answer = await fetch(`${body.data_url}/api/v1/me`, { headers: { authorization: `Bearer ${raw}` } })
    expect(answer.status).toBe(200)
  })
})

describe('where the data plane is', () => {
  const everywhere = { scheme: 'http', host: '0.0.0.0', port: 8080 } as const

  it.each([
    ['127.0.0.1:9090', 'http://127.0.0.1:8080'],
    ['192.168.1.5:9090', 'http://192.168.1.5:8080'],
    ['localhost:1', 'http://localhost:8080'],
    ['gateway.localhost', 'http://gateway.localhost:8080'],
    // Version 4 alone listens.
    ['[::1]:9090', 'http://127.0.0.1:8080'],
    // It may be that of a proxy.
    ['admin.example.com', 'http://127.0.0.1:8080'],
    ['evil.example#localhost', 'http://127.0.0.1:8080'],
    [undefined, 'http://127.0.0.1:8080'],
  ])('is by the address of the admin plane where it listens everywhere: %s', (asked, expected) => {
    expect(dataUrl(everywhere, asked)).toBe(expected)
  })

  it('is where it listens, however the admin plane was found', () => {
    expect(dataUrl({ ...everywhere, host: '10.0.0.7' }, 'localhost:9090')).toBe('http://10.0.0.7:8080')
    expect(dataUrl({ scheme: 'https', host: 'fd00::7', port: 8443 }, 'localhost')).toBe('https://[fd00::7]:8443')
    expect(dataUrl({ ...everywhere, host: '::' }, '[FD00::7]:9090')).toBe('http://[fd00::7]:8080')
  })
})
