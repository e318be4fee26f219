import { readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expect, it } from 'vitest'
import { eventually } from '../helpers/eventually.ts'
import { startGateway } from '../helpers/gateway.ts'
import { spawnGateway } from '../helpers/gateway-process.ts'
import { connectRaw } from '../helpers/raw-client.ts'
import { plainResponse, startRawUpstream } from '../helpers/raw-upstream.ts'

it('a key is in no log line, metric, database page or answer, wherever a client puts it and whatever goes wrong', async () => {
  await using upstream = await startRawUpstream({
    script: async ({ request, body, send, reset }) => {
      await body()
      if (request.target.startsWith('/api/reset')) reset()
      else if (request.target.startsWith('/api/garbage')) send('garbage\r\n\r\n')
      else send(plainResponse())
    },
  })
  await using gateway = await startGateway(`
upstreams: { api: { targets: ['${upstream.url}'] } }
routes: [{ path: /api/*, upstream: api }]
log: { level: debug, requests: true }
`)
  const key = await gateway.createKey()
  const { raw } = key
  const secret = raw.slice(12)
  const encoded = Array.from(raw, (char) => `%${char.charCodeAt(0).toString(16)}`).join('')
  await using process = await spawnGateway(gateway.configFile)
  const host = new URL(process.dataUrl).host
  const authorization = `Authorization: Bearer ${raw}`
  const answers: string[] = []
  const send = async (bytes: string) => {
    using client = await connectRaw(process.dataUrl)
    await client.send(bytes)
    client.end()
    await client.closed(3000)
    answers.push(client.unread.toString('latin1'))
  }
  const line = (target: string, ...fields: string[]) =>
    send(`GET ${target} HTTP/1.1\r\n${[`Host: ${host}`, 'Connection: close', ...fields].join('\r\n')}\r\n\r\n`)

  for (const target of [
    `/api/${raw}`,
    `/api/x?q=${raw}`,
    `/api/x?${raw}`,
    `/nowhere/${raw}`,
    `/api/${encoded}`,
    `/api/x?q=${encoded}`,
  ]) {
    await line(target, authorization)
    await line(target)
  }
  for (const target of ['/api/x', '/api/reset', '/api/garbage', '/nowhere', '/api/../x']) {
    await line(
      target,
      authorization,
      `User-Agent: ${raw}`,
      `Referer: http://x/${raw}`,
      `X-Request-Id: ${raw}`,
      `Cookie: ${raw}`,
    )
  }
  await line('/api/x', `Authorization: Basic ${raw}`)
  await line('/api/x', `Authorization: Bearer ${raw}x`)
  await line('/api/x', `X-Api-Key: ${raw}`, `Origin: http://${raw}.example`, `traceparent: 00-${raw}`)
  await send(`GET /api/x HTTP/1.1\r\nHost: ${raw}\r\nHost: ${raw}\r\n${authorization}\r\n\r\n`)
  await send(`${raw} /api/x HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
  await send(`GET /api/x HTTP/1.1\r\nHost: ${host}\r\n${raw}\r\n\r\n`)
  await line('/api/last', authorization, 'X-Request-Id: the-last-one')

  await eventually('the last row to be written', async () =>
    (await gateway.store.listRequests({}, { limit: 200 })).rows.some(({ requestId }) => requestId === 'the-last-one'),
  )
  const metrics = await (await fetch(`${process.adminUrl}/metrics`)).text()
  process.child.kill('SIGTERM')
  await process.exited

  const folder = dirname(gateway.storeFile)
  const files = (await readdir(folder)).filter((name) => name !== 'gateway.yaml')
  const pages = await Promise.all(files.map((name) => readFile(join(folder, name), 'latin1')))
  const places = { answers: answers.join('\n'), metrics, output: process.output(), pages: pages.join('\n') }
  for (const [place, text] of Object.entries(places)) {
    expect(text.length).toBeGreaterThan(0)
    const found = [secret, encoded.slice(36), encodeURIComponent(raw)].filter((form) => text.includes(form))
    expect([place, found]).toEqual([place, []])
  }
  expect(process.output()).toContain('the-last-one')
}, 30_000)

it.each([40, 20, 8])(
  'of a key at the edge of what the request log keeps nothing is kept, %i characters before it',
  async (before) => {
    await using gateway = await startGateway('routes: []')
    const key = await gateway.createKey()
    const path = `/${'x'.repeat(1023 - before)}`
    for (const framing of ['', 'Content-Length: 1\r\nContent-Length: 1\r\n', 'Bad Header\r\n']) {
      using client = await gateway.connect()
      await client.send(
        `GET ${path}${key.raw} HTTP/1.1\r\nHost: ${gateway.host}\r\nConnection: close\r\n${framing}\r\n`,
      )
      await client.closed()
    }
    const rows = await gateway.requestLog()
    expect(rows.map((row) => row.path.startsWith('/xxx'))).toEqual([true, true, true])
    for (const row of rows) expect(row.path).not.toContain(key.raw.slice(0, 8))
  },
)
