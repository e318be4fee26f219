import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  connect as connectTls,
  createServer as createTlsServer,
  getCACertificates,
  setDefaultCACertificates,
} from 'node:tls'
import { expect, it } from 'vitest'
import { startAdmin } from '../../helpers/admin.ts'
import { certificate, privateKey, writeCertificate } from '../../helpers/certificate.ts'
import { startGateway } from '../../helpers/gateway.ts'
import { plainResponse } from '../../helpers/raw-upstream.ts'

it('a certificate that is not there stops the start, and a reload that lost one changes nothing', async () => {
  const route = 'routes: [{ path: /*, upstream: api, public: true }]'
  const lost = `upstreams: { api: { targets: ['https://127.0.0.1:1'], tls: { ca: not-there.pem } } }\n${route}`
  await expect(startGateway(lost)).rejects.toThrow('there is no file')
  await expect(startGateway('tls: { cert: a.pem, key: b.pem }')).rejects.toThrow('there is no file')

  await using running = await startAdmin(`upstreams: { api: { targets: ['http://127.0.0.1:1'] } }\n${route}`)
  await running.writeConfig(lost)
  expect((await running.api('POST', '/config/reload')).status).toBe(422)
  expect((await running.request('GET', '/x')).status).toBe(502)
})

it('a file of authorities without a certificate that can be read stops the start, and the reload', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-ca-'))
  const file = join(folder, 'ca.pem')
  const yaml = `
upstreams: { api: { targets: ['https://127.0.0.1:1'], tls: { ca: '${file}' } } }
routes: [{ path: /*, upstream: api, public: true }]`
  const lines = certificate.split('\n')
  const bodyless = [lines[0], lines.at(-2), ''].join('\n')
  for (const [text, complaint] of [
    ['', 'holds no certificate'],
    ['\n \n', 'holds no certificate'],
    ['nothing', 'holds no certificate'],
    [privateKey, 'holds no certificate'],
    [certificate.slice(0, 300), 'certificate 1 of 1 in'],
    [bodyless, 'certificate 1 of 1 in'],
    [certificate.replace('MIIB', 'AAAA'), 'certificate 1 of 1 in'],
    [certificate + certificate.slice(0, 300), 'certificate 2 of 2 in'],
    [certificate.slice(0, 300) + certificate, 'certificate 1 of 2 in'],
  ] as const) {
    await writeFile(file, text)
    await expect(startGateway(yaml), text).rejects.toThrow(complaint)
  }
  for (const text of [certificate, `# an authority\n${certificate}\n${certificate.replaceAll('\n', '\r\n')}`]) {
    await writeFile(file, text)
    await using running = await startAdmin(yaml)
    expect((await running.request('GET', '/x')).status).toBe(502)
    expect((await running.api('POST', '/config/reload')).status).toBe(200)
    await writeFile(file, '')
    const answer = await running.api('POST', '/config/reload')
    expect([answer.status, JSON.stringify(answer.body)]).toEqual([422, expect.stringContaining('holds no certificate')])
  }
  await rm(folder, { recursive: true })
})

it('an upstream is who its certificate says, and a file of authorities is the only one that is asked', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-ca-'))
  const { cert, key } = await writeCertificate(folder)
  const server = createTlsServer({ cert: await readFile(cert), key: await readFile(key) }, (socket) => {
    socket.on('error', () => socket.destroy())
    socket.on('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const usual = getCACertificates('default')
  const files = { right: certificate, both: `${usual[0]}\n${certificate}`, other: `${usual[0]}\n` }
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, `${name}.pem`), text)
  const names = ['none', 'later', ...Object.keys(files)]
  const upstreams = names.map((name) => {
    const ca = name in files ? `, tls: { ca: '${join(folder, name)}.pem' }` : ''
    return `  ${name}: { targets: ['https://localhost:${port}']${ca} }`
  })
  // The certificate of this server is one that the machine trusts: only the file says otherwise.
  setDefaultCACertificates([...usual, certificate])
  try {
    await using gateway = await startGateway(`
upstreams:
${upstreams.join('\n')}
routes:
${names.map((name) => `  - { path: /${name}, upstream: ${name}, public: true }`).join('\n')}`)
    const statusOf = async (name: string): Promise<unknown[]> => [
      name,
      (await gateway.request('GET', `/${name}`)).status,
    ]
    for (const name of ['none', 'right', 'both']) expect(await statusOf(name)).toEqual([name, 200])
    expect(await statusOf('other')).toEqual(['other', 502])
    setDefaultCACertificates(usual)
    expect(await statusOf('later')).toEqual(['later', 502])
  } finally {
    setDefaultCACertificates(usual)
    server.close()
    await rm(folder, { recursive: true })
  }
})

it('what an upstream says before its handshake is no response', async () => {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy())
    socket.write(plainResponse('forged'))
    // And once more where a record of the handshake is due.
    socket.once('data', () => socket.write(plainResponse('forged')))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await using other = await startGateway(`
upstreams: { api: { targets: ['https://127.0.0.1:${port}'] } }
routes: [{ path: /*, upstream: api, public: true }]`)
  for (let i = 0; i < 3; i++) {
    const answer = await other.request('GET', '/x')
    expect([answer.status, answer.text().includes('forged')]).toEqual([502, false])
  }
  server.close()
})

it('no server name in a handshake ends the process', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-tls-'))
  const { cert, key } = await writeCertificate(folder)
  await using secure = await startGateway(`tls: { cert: '${cert}', key: '${key}' }\nroutes: []`)
  const port = Number(new URL(secure.dataUrl).port)
  for (const servername of ['a'.repeat(255), 'x..y', '\u00e9', '*', '__proto__', 'constructor', '-', 'a b', '']) {
    const status = await new Promise<string>((resolve) => {
      const socket = connectTls({ host: '127.0.0.1', port, servername, ca: certificate, rejectUnauthorized: false })
      socket.on('secureConnect', () => socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'))
      socket.once('data', (data) => resolve(data.toString('latin1', 0, 12)))
      socket.on('error', (error) => resolve(error.message))
    })
    expect([servername.slice(0, 12), status]).toEqual([servername.slice(0, 12), 'HTTP/1.1 401'])
  }
  await rm(folder, { recursive: true })
})
