import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, getCACertificates, setDefaultCACertificates, type TLSSocket } from 'node:tls'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { start } from '../../src/app.ts'
import { systemClock } from '../../src/clock.ts'
import { type Certificate, readCertificates } from '../../src/config/certificates.ts'
import { loadConfig, parseConfig } from '../../src/config/load.ts'
import { openServer, renewal } from '../../src/gateway/http-server.ts'
import { Upstream } from '../../src/proxy/upstream.ts'
import { type AdminGateway, startAdmin } from '../helpers/admin.ts'
import { eventually } from '../helpers/eventually.ts'
import { type NewCertificate, newCertificate } from '../helpers/new-certificate.ts'
import { plainResponse, type RawUpstream, startRawUpstream } from '../helpers/raw-upstream.ts'

/** Certificates are renewed in place: the names in the file stay, what they hold is another one. */

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-renewed-'))
})
afterAll(() => rm(folder, { recursive: true }))

const at = (name: string): string => join(folder, name)

describe('the certificate of the data plane', () => {
  let upstream: RawUpstream
  let gateway: AdminGateway
  let first: NewCertificate
  const write = async ({ cert, key }: NewCertificate): Promise<void> => {
    await writeFile(at('tls.crt'), cert)
    await writeFile(at('tls.key'), key)
  }
  const yaml = () => `
tls: { cert: '${at('tls.crt')}', key: '${at('tls.key')}' }
upstreams: { api: { targets: ['${upstream.url}'] } }
routes: [{ path: /*, upstream: api, public: true }]
`

  beforeAll(async () => {
    upstream = await startRawUpstream()
    first = newCertificate()
    await write(first)
    gateway = await startAdmin(yaml())
  })
  afterAll(async () => {
    await gateway[Symbol.asyncDispose]()
    await upstream[Symbol.asyncDispose]()
  })
  beforeEach(() => upstream.respond(plainResponse()))

  it('is taken up by itself for new connections, and those that are there go on with what they carry', async () => {
    upstream.respond(async ({ send }) => {
      send('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst')
      await renewed.promise
      send(' last')
    })
    const renewed = Promise.withResolvers<void>()
    await using open = await openTls(gateway.dataUrl)
    open.socket.write('GET /stream HTTP/1.1\r\nHost: a\r\n\r\n')
    await eventually('half of the answer', () => open.text().endsWith('first'))
    expect(await shown(gateway.dataUrl)).toBe(first.fingerprint)

    const second = newCertificate()
    await write(second)
    await eventually('the new one', async () => (await shown(gateway.dataUrl)) === second.fingerprint, {
      withinMs: 10_000,
    })
    renewed.resolve()
    await eventually('the other half', () => open.text().endsWith('first last'))
    upstream.respond(plainResponse('and on'))
    open.socket.write('GET /next HTTP/1.1\r\nHost: a\r\n\r\n')
    await eventually('the next answer on the same connection', () => open.text().endsWith('and on'))
    expect(open.socket.getPeerX509Certificate()?.fingerprint256).toBe(first.fingerprint)
  })

  it('that does not fit its key changes nothing and is told, until the key has come too', async () => {
    const before = await shown(gateway.dataUrl)
    const third = newCertificate()
    await writeFile(at('tls.crt'), third.cert)
    const complaint = `${at('tls.key')} is not the key of the certificate in ${at('tls.crt')}; renew the two together`
    await eventually('the complaint', async () => (await lastReload())?.result === 'rejected', { withinMs: 10_000 })
    expect((await lastReload())?.problems).toMatchObject([
      { path: 'tls.key', line: expect.any(Number), message: complaint },
    ])
    expect(await shown(gateway.dataUrl)).toBe(before)

    await writeFile(at('tls.key'), third.key)
    await eventually('both', async () => (await shown(gateway.dataUrl)) === third.fingerprint, { withinMs: 10_000 })
    expect((await lastReload())?.result).toBe('accepted')
  })

  it.each<[what: string, cert: (text: string) => string, key: (text: string) => string, path: string, told: string]>([
    ['is empty', () => '', (text) => text, 'tls.cert', 'holds no certificate'],
    ['is cut off', (text) => text.slice(0, 200), (text) => text, 'tls.cert', 'certificate 1 of 1'],
    ['has a key that is none', (text) => text, () => 'none', 'tls.key', 'holds no private key'],
    ['has no key', (text) => text, () => '', 'tls.key', 'holds no private key'],
  ])('that %s changes nothing and is told', async (_what, cert, key, path, told) => {
    const before = await shown(gateway.dataUrl)
    const broken = newCertificate()
    await write({ ...broken, cert: cert(broken.cert), key: key(broken.key) })
    const answer = await gateway.api('POST', '/config/reload')
    expect([answer.status, answer.body.errors]).toMatchObject([422, [{ path, message: expect.stringContaining(told) }]])
    expect((await gateway.api('GET', '/policy')).body).toMatchObject({
      last_reload: { result: 'rejected', problems: [{ path }] },
    })
    expect(await shown(gateway.dataUrl)).toBe(before)
    const whole = newCertificate()
    await write(whole)
    expect(await gateway.app.reload()).toEqual({ ok: true })
    expect(await shown(gateway.dataUrl)).toBe(whole.fingerprint)
  })

  it('under another name is taken up too, and from then on that one is watched', async () => {
    const moved = newCertificate()
    await writeFile(at('moved.crt'), moved.cert)
    await writeFile(at('moved.key'), moved.key)
    await gateway.writeConfig(yaml().replaceAll('tls.crt', 'moved.crt').replaceAll('tls.key', 'moved.key'))
    await eventually('the moved one', async () => (await shown(gateway.dataUrl)) === moved.fingerprint, {
      withinMs: 10_000,
    })
    const again = newCertificate()
    const renewed = async (): Promise<boolean> => {
      // Again and again: when exactly the new files are watched nobody is told.
      await writeFile(at('moved.key'), again.key)
      await writeFile(at('moved.crt'), again.cert)
      return (await shown(gateway.dataUrl)) === again.fingerprint
    }
    await eventually('its renewal', renewed, { withinMs: 10_000, everyMs: 300 })
    await write(again)
    await gateway.writeConfig(yaml())
    expect(await gateway.app.reload()).toEqual({ ok: true })
  })

  it('under another name that is not right yet is watched, so that it is taken up once it is', async () => {
    const before = await shown(gateway.dataUrl)
    const late = newCertificate()
    await writeFile(at('late.crt'), late.cert)
    await writeFile(at('late.key'), '')
    await gateway.writeConfig(yaml().replaceAll('tls.crt', 'late.crt').replaceAll('tls.key', 'late.key'))
    await eventually('the complaint', async () => (await lastReload())?.result === 'rejected', { withinMs: 10_000 })
    expect(await shown(gateway.dataUrl)).toBe(before)
    const renewed = async (): Promise<boolean> => {
      // Again and again: when exactly the new file is watched nobody is told.
      await writeFile(at('late.key'), late.key)
      return (await shown(gateway.dataUrl)) === late.fingerprint
    }
    await eventually('the late one', renewed, { withinMs: 10_000, everyMs: 300 })
    await write(late)
    await gateway.writeConfig(yaml())
    expect(await gateway.app.reload()).toEqual({ ok: true })
  })

  it('stays where a reload names none any more: whether there is TLS is settled when it starts', async () => {
    const before = await shown(gateway.dataUrl)
    await gateway.writeConfig(yaml().replace(/^tls:.*$/m, ''))
    expect(await gateway.app.reload()).toEqual({ ok: true })
    expect(await shown(gateway.dataUrl)).toBe(before)
    await gateway.writeConfig(yaml())
    expect(await gateway.app.reload()).toEqual({ ok: true })
  })

  const lastReload = async () => {
    type Health = { config: { last_reload: { result: string; problems: unknown[] } | null } }
    return (await gateway.api<Health>('GET', '/health')).body.config.last_reload
  }
})

it('a certificate that Kubernetes renews by swapping a link is taken up', async () => {
  const mounted = at('mounted')
  await mkdir(mounted)
  const mount = async (name: string): Promise<NewCertificate> => {
    const { cert, key, fingerprint } = newCertificate()
    await mkdir(join(mounted, name))
    await writeFile(join(mounted, name, 'tls.crt'), cert)
    await writeFile(join(mounted, name, 'tls.key'), key)
    await symlink(name, join(mounted, '..data_tmp'))
    await rename(join(mounted, '..data_tmp'), join(mounted, '..data'))
    return { cert, key, fingerprint }
  }
  await mount('..one')
  for (const name of ['tls.crt', 'tls.key']) await symlink(`..data/${name}`, join(mounted, name))
  await using gateway = await startAdmin(
    `tls: { cert: '${join(mounted, 'tls.crt')}', key: '${join(mounted, 'tls.key')}' }\nroutes: []`,
  )
  for (const [name, before] of [
    ['..two', '..one'],
    ['..three', '..two'],
  ] as const) {
    const { fingerprint } = await mount(name)
    await rm(join(mounted, before), { recursive: true })
    await eventually(name, async () => (await shown(gateway.dataUrl)) === fingerprint, { withinMs: 10_000 })
  }
})

it('a certificate that is renewed by linking another file is taken up', async () => {
  const link = async ({ cert, key }: NewCertificate, generation: number): Promise<void> => {
    for (const [name, text] of [
      ['live.crt', cert],
      ['live.key', key],
    ] as const) {
      await writeFile(at(`${name}.${generation}`), text)
      await symlink(`${name}.${generation}`, at('link_tmp'))
      await rename(at('link_tmp'), at(name))
    }
  }
  await link(newCertificate(), 1)
  await using gateway = await startAdmin(`tls: { cert: '${at('live.crt')}', key: '${at('live.key')}' }\nroutes: []`)
  for (const generation of [2, 3]) {
    const next = newCertificate()
    await link(next, generation)
    await eventually('the next one', async () => (await shown(gateway.dataUrl)) === next.fingerprint, {
      withinMs: 10_000,
    })
  }
})

describe('the authority of an upstream', () => {
  let server: Server
  let gateway: AdminGateway
  let first: NewCertificate
  let held: PromiseWithResolvers<void> | undefined
  beforeAll(async () => {
    first = newCertificate()
    await writeFile(at('ca.pem'), first.cert)
    server = createServer({ cert: first.cert, key: first.key }, (request, response) => {
      if (request.url !== '/slow' || held === undefined) return void response.end('answered')
      response.write('half')
      void held.promise.then(() => response.end('whole'))
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    gateway = await startAdmin(`
upstreams: { api: { targets: ['https://localhost:${port}'], tls: { ca: '${at('ca.pem')}' } } }
routes: [{ path: /*, upstream: api, public: true }]`)
  })
  afterAll(async () => {
    await gateway[Symbol.asyncDispose]()
    server.closeAllConnections()
    server.close()
  })
  const status = async (): Promise<number> => (await gateway.request('GET', '/x')).status

  it('that is renewed in its file is trusted from then on, the old one no more, and what is under way goes on', async () => {
    held = Promise.withResolvers()
    expect(await status()).toBe(200)
    using client = await gateway.connect()
    await client.send(gateway.compose('GET', '/slow'))
    await client.until('half')

    const second = newCertificate()
    await writeFile(at('ca.pem'), second.cert)
    // Connections that were made under the old one are not used for new requests.
    await eventually('the old one to be trusted no more', async () => (await status()) === 502, { withinMs: 10_000 })
    server.setSecureContext({ cert: second.cert, key: second.key })
    await eventually('the new one to be trusted', async () => (await status()) === 200, { withinMs: 10_000 })
    held.resolve()
    await client.until('whole')
    held = undefined
  })

  it('that can not be read changes nothing and is told', async () => {
    await writeFile(at('ca.pem'), 'nothing')
    const answer = await gateway.api('POST', '/config/reload')
    expect([answer.status, answer.body.errors]).toMatchObject([422, [{ path: 'upstreams.api.tls.ca' }]])
    expect(await status()).toBe(200)
  })
})

describe('a file that changes between its check and its use', () => {
  const yaml = (target: string) => `
listen: 127.0.0.1:0
admin: { listen: 127.0.0.1:0 }
store: sqlite:${at('race.db')}
tls: { cert: '${at('race.crt')}', key: '${at('race.key')}' }
upstreams: { api: { targets: ['${target}'], tls: { ca: '${at('race.pem')}' } } }
routes: []
`
  const target = 'https://localhost:1'
  const whole = newCertificate()
  const other = newCertificate()
  beforeEach(async () => {
    await writeFile(at('race.crt'), whole.cert)
    await writeFile(at('race.key'), whole.key)
    await writeFile(at('race.pem'), whole.cert)
    await writeFile(at('race.yaml'), yaml(target))
  })

  it.each([
    ['race.pem', '', 'holds no certificate'],
    ['race.pem', whole.cert.slice(0, 200), 'certificate 1 of 1'],
    ['race.crt', '', 'holds no certificate'],
    ['race.crt', other.cert, 'is not the key of the certificate'],
    ['race.key', '', 'holds no private key'],
  ])('is judged as it was read: %s', async (name, text, told) => {
    const config = await loadConfig(at('race.yaml'), {})
    if (!config.ok) throw new Error('the configuration of the test is wrong')
    const before = readCertificates(config.config)
    await writeFile(at(name), text)
    expect(() => readCertificates(config.config, before)).toThrow(told)
    await expect(start({ config, env: {}, logTo: { write() {} } })).rejects.toThrow(told)
  })

  it('is taken up though it came before anything was watched', async () => {
    const config = await loadConfig(at('race.yaml'), {})
    if (!config.ok) throw new Error('the configuration of the test is wrong')
    let renewed = false
    const write = (line: string): void => {
      if (renewed || !line.includes('listening')) return
      renewed = true
      writeFileSync(at('race.crt'), other.cert)
      writeFileSync(at('race.key'), other.key)
    }
    await using app = await start({ config, configFile: at('race.yaml'), env: {}, logTo: { write } })
    expect(renewed).toBe(true)
    expect(await shown(app.dataUrl)).toBe(other.fingerprint)
  })

  it('leaves an upstream with nobody to trust, not with everybody whom this machine trusts', async () => {
    const server = createServer({ cert: whole.cert, key: whole.key }, (_, response) => void response.end('answered'))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const trusted = getCACertificates('default')
    setDefaultCACertificates([...trusted, whole.cert])
    try {
      const ask = async (authority: string | undefined): Promise<number> => {
        const config = parseConfig(yaml(`https://localhost:${(server.address() as AddressInfo).port}`), 'a.yaml', {})
        const api = config.ok ? config.config.upstreams.api : undefined
        if (api === undefined) throw new Error('the configuration of the test is wrong')
        const upstream = new Upstream('api', api, authority, systemClock, { upstreamUp() {} })
        try {
          const answer = await upstream.targets[0]?.pool.request({ path: '/', method: 'GET' })
          await answer?.body.dump()
          return answer?.statusCode ?? 0
        } finally {
          await upstream.destroy()
        }
      }
      expect(await ask(undefined)).toBe(200)
      expect(await ask(whole.cert)).toBe(200)
      await expect(ask('')).rejects.toThrow(/self-signed|certificate/)
    } finally {
      setDefaultCACertificates(trusted)
      server.closeAllConnections()
      server.close()
    }
  })
})

describe('what the listener is given', () => {
  const { timeouts } = (() => {
    const result = parseConfig('routes: []', 'gateway.yaml', {})
    if (!result.ok) throw new Error('the configuration of the test is wrong')
    return result.config
  })()
  const whole = newCertificate()
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' })

  it.each<[string, Certificate]>([
    ['nothing', { cert: '', key: '' }],
    ['no certificate', { cert: '', key: whole.key }],
    ['no key', { cert: whole.cert, key: '' }],
    ['a key of another kind', { cert: whole.cert, key: rsa.toString() }],
    ['the key of another', { cert: whole.cert, key: newCertificate().key }],
  ])('is a certificate and its own key, or it throws: %s', (_, certificate) => {
    const server = openServer({ timeouts }, whole, () => false)
    expect(() => renewal(server, certificate)).toThrow()
    expect(() => openServer({ timeouts }, certificate, () => false)).toThrow()
  })
})

/** @returns the fingerprint of the certificate that a new connection is shown. */
async function shown(url: string): Promise<string | undefined> {
  await using open = await openTls(url)
  return open.socket.getPeerX509Certificate()?.fingerprint256
}

async function openTls(url: string): Promise<{ socket: TLSSocket; text(): string } & AsyncDisposable> {
  const { port } = new URL(url)
  const socket = connect({ host: '127.0.0.1', port: Number(port), servername: 'localhost', rejectUnauthorized: false })
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1')
  })
  await once(socket, 'secureConnect')
  return {
    socket,
    text: () => text,
    async [Symbol.asyncDispose]() {
      socket.destroy()
    },
  }
}
