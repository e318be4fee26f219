import { createPublicKey, type JsonWebKey, verify } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Gateway, startGateway, testActor } from '../helpers/gateway.ts'
import { type RawUpstream, startRawUpstream } from '../helpers/raw-upstream.ts'

let upstream: RawUpstream
let gateway: Gateway

beforeAll(async () => {
  upstream = await startRawUpstream()
  gateway = await startGateway(`
upstreams: { api: { targets: ['${upstream.url}'] } }
context: { sign: true }
scopes: { items:read: Read }
routes:
  - { path: /api/*, upstream: api }
  - { path: /projects/:id, upstream: api, workspace: ':id' }
  - { path: /open/*, upstream: api, public: true }
`)
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

type Claims = Record<string, unknown>
const parse = (part: string | undefined): Claims => JSON.parse(Buffer.from(part ?? '', 'base64url').toString())

async function publicKeys(planeUrl: string): Promise<(JsonWebKey & { kid?: string })[]> {
  const response = await fetch(`${planeUrl}/.well-known/jwks.json`)
  expect(response.status).toBe(200)
  const { keys } = (await response.json()) as { keys: (JsonWebKey & { kid?: string })[] }
  return keys
}

it('an upstream can check who is calling with the public keys of either plane', async () => {
  const workspace = await gateway.store.createWorkspace(
    { organizationId: gateway.organization.id, name: 'One', externalId: 'one' },
    testActor,
  )
  const key = await gateway.createKey({ scopes: ['items:read'], workspaceIds: [workspace.id] })
  await gateway.request('GET', '/projects/one', { key, headers: { 'Sallyport-Context': 'forged' } })
  const [header, payload, signature] = (upstream.last().header('sallyport-context') ?? '').split('.')
  expect(parse(header)).toMatchObject({ alg: 'EdDSA' })

  for (const plane of [gateway.dataUrl, gateway.adminUrl]) {
    const keys = await publicKeys(plane)
    expect(keys.every((jwk) => jwk.kty === 'OKP' && jwk.crv === 'Ed25519' && jwk.d === undefined)).toBe(true)
    const jwk = keys.find(({ kid }) => kid === parse(header).kid)
    const publicKey = createPublicKey({ key: jwk ?? {}, format: 'jwk' })
    const signed = Buffer.from(`${header}.${payload}`)
    expect(verify(null, signed, publicKey, Buffer.from(signature ?? '', 'base64url'))).toBe(true)
    expect(
      verify(null, Buffer.from(`${header}.${payload}x`), publicKey, Buffer.from(signature ?? '', 'base64url')),
    ).toBe(false)
  }

  const claims = parse(payload)
  expect(claims.aud).toBe('api')
  expect(Number(claims.exp) - Number(claims.iat)).toBe(60)
  expect(Math.abs(Number(claims.iat) - Date.now() / 1000)).toBeLessThan(5)
  const text = JSON.stringify(claims)
  for (const fact of [gateway.organization.id, key.record.id, 'items:read', 'live', 'one']) expect(text).toContain(fact)
  expect(text).not.toContain(key.raw.slice(12))
})

it('a public route has no caller, and no header that a client could forge says otherwise', async () => {
  await gateway.request('GET', '/open/x', { headers: { 'Sallyport-Context': 'forged', sallyport_context: 'forged' } })
  expect(upstream.last().head).not.toContain('forged')
})

it('without context.sign there are neither tokens nor public keys', async () => {
  await using plain = await startGateway(`
upstreams: { api: { targets: ['${upstream.url}'] } }
routes: [{ path: /api/*, upstream: api }]
`)
  await plain.request('GET', '/api/x', { key: await plain.createKey() })
  expect(upstream.last().headerAll('sallyport-context')).toEqual([])
})
