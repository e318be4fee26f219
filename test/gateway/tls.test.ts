import { mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:https'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { certificate, writeCertificate } from '../helpers/certificate.ts'
import { eventually, within } from '../helpers/eventually.ts'
import { type Gateway, startGateway, type TestKey } from '../helpers/gateway.ts'
import { connectRaw } from '../helpers/raw-client.ts'
import { type RawUpstream, startRawUpstream } from '../helpers/raw-upstream.ts'

let folder: string
let upstream: RawUpstream
let gateway: Gateway
let key: TestKey
const yaml = (files: { cert: string; key: string }) => `
tls: { cert: '${files.cert}', key: '${files.key}' }
upstreams: { api: { targets: ['${upstream.url}'] } }
routes: [{ path: /*, upstream: api }]
timeouts: { drain_timeout: 200ms }
`

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-tls-'))
  upstream = await startRawUpstream()
  gateway = await startGateway(yaml(await writeCertificate(folder)))
  key = await gateway.createKey()
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

/** @returns the status. */
const call = (path: string, headers: Record<string, string>): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    const { port } = new URL(gateway.dataUrl)
    const options = { host: '127.0.0.1', port, path, servername: 'localhost', ca: certificate, agent: false as const }
    request({ ...options, headers }, (response) => {
      response.resume()
      response.on('end', () => resolve(response.statusCode))
    })
      .on('error', reject)
      .end()
  })

it('serves requests over TLS, and tells the API so', async () => {
  expect(await call('/x', { authorization: `Bearer ${key.raw}` })).toBe(200)
  expect(upstream.last().header('x-forwarded-proto')).toBe('https')
  expect(await call('/x', {})).toBe(401)
})

it('answers nothing to a caller without TLS, and goes on', async () => {
  using client = await connectRaw(gateway.dataUrl)
  await client.send(gateway.compose('GET', '/plain', { key }))
  await client.closed()
  expect(await call('/x', { authorization: `Bearer ${key.raw}` })).toBe(200)
  expect(upstream.requests.map(({ target }) => target)).not.toContain('/plain')
})

it('a caller who never ends the handshake does not hold up the end', async () => {
  const own = await startGateway(yaml(await writeCertificate(folder)))
  const { hostname, port } = new URL(own.dataUrl)
  const socket = connect(Number(port), hostname)
  let gone = false
  socket
    .on('error', () => {})
    .on('close', () => {
      gone = true
    })
  await new Promise<void>((resolve) => void socket.once('connect', () => resolve()))
  // Behind it in the queue of connections: when this one is served, that one was accepted.
  const behind = await connectRaw(own.dataUrl)
  await behind.send('no TLS')
  await behind.closed()
  await within(3000, 'the end', own.app.drain())
  await eventually('the connection to be gone', () => gone)
  await own[Symbol.asyncDispose]()
})
