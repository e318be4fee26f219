import { mkdtemp, rm } from 'node:fs/promises'
import { Agent, request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { certificate, writeCertificate } from '../../helpers/certificate.ts'
import { eventually } from '../../helpers/eventually.ts'
import { type Gateway, startGateway, type TestKey } from '../../helpers/gateway.ts'
import { connectRaw } from '../../helpers/raw-client.ts'
import { type RawUpstream, startRawUpstream } from '../../helpers/raw-upstream.ts'

let folder: string
let upstream: RawUpstream
let gateway: Gateway
let key: TestKey

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-handshakes-'))
  upstream = await startRawUpstream()
  const files = await writeCertificate(folder)
  gateway = await startGateway(`
tls: { cert: '${files.cert}', key: '${files.key}' }
connections: { total: 16 }
upstreams: { api: { targets: ['${upstream.url}'] } }
routes: [{ path: /*, upstream: api }]
`)
  key = await gateway.createKey()
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

const call = (agent: Agent): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    const { port } = new URL(gateway.dataUrl)
    const headers = { authorization: `Bearer ${key.raw}` }
    request(
      { host: '127.0.0.1', port, path: '/x', servername: 'localhost', ca: certificate, agent, headers },
      (answer) => {
        answer.resume()
        answer.on('end', () => resolve(answer.statusCode))
      },
    )
      .on('error', reject)
      .end()
  })

const metric = async (name: string): Promise<number> =>
  Number(
    (await gateway.metrics())
      .split('\n')
      .find((line) => line.startsWith(`${name} `))
      ?.slice(name.length + 1),
  )
const closedFor = (why: string): Promise<number> => metric(`sallyport_connections_closed_total{why="${why}"}`)

it('handshakes that never end make room, oldest first, and who has one keeps it', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  try {
    const clients = []
    for (let count = 0; count < 40; count++) {
      clients.push(await connectRaw(gateway.dataUrl))
      await eventually('it to be taken', async () => (await closedFor('unfinished')) === Math.max(0, count - 15))
    }
    await Promise.all(clients.slice(0, 24).map((client) => client.closed()))
    expect(clients.slice(24).every((client) => client.isOpen)).toBe(true)
    expect(await call(agent)).toBe(200)
    // Its connection idles now: it is the first to go for the next one, and that is told to be so.
    using next = await connectRaw(gateway.dataUrl)
    await eventually('room to be made', async () => (await closedFor('idle')) === 1)
    expect([await closedFor('full'), await metric('sallyport_connections')]).toEqual([0, 16])
    for (const client of clients) client[Symbol.dispose]()
    next[Symbol.dispose]()
    await eventually('them to be gone', async () => (await metric('sallyport_connections')) === 0)
  } finally {
    agent.destroy()
  }
})
