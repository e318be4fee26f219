import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { adminApi } from '../helpers/admin.ts'
import { openBrowser } from '../helpers/browser.ts'
import { eventually } from '../helpers/eventually.ts'
import { spawnGateway } from '../helpers/gateway-process.ts'
import { startHttpUpstream } from '../helpers/http-upstream.ts'
import { type JobAnswer, jobEnd } from '../helpers/jobs.ts'
import { connectRaw } from '../helpers/raw-client.ts'
import { createSecretHunt } from '../helpers/secret-hunt.ts'
import { startWebhookTarget } from '../helpers/webhook-target.ts'

interface Issued {
  key: { id: string; key_prefix: string }
  raw_key: string
}

it('every secret is in the answer that issues it and nowhere else, whoever says it wherever', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-secrets-'))
  await using _folder = { [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) }
  await using upstream = await startHttpUpstream((_request, response) => void response.end('ok'))
  await using target = await startWebhookTarget()
  const configFile = join(folder, 'gateway.yaml')
  await writeFile(configFile, configOf(upstream.url))
  const adminToken = randomBytes(32).toString('hex')
  await using gateway = await spawnGateway(configFile, { SALLYPORT_ADMIN_TOKEN: adminToken })
  const hunt = createSecretHunt()
  hunt.add('the admin token', adminToken)
  const root = adminApi(gateway.adminUrl, adminToken)

  /** A call whose answer may show no secret. */
  const call = async <T = Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
    api = root,
  ): Promise<{ status: number; body: T }> => {
    const answer = await api<T>(method, path, body, headers)
    hunt.place('answers of the admin API', `${JSON.stringify([...answer.headers])}${JSON.stringify(answer.body)}\n`)
    return answer
  }
  /** A call that issues one. */
  const issue = async <T>(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<T> => {
    const answer = await root<T>(method, path, body, headers)
    if (answer.status > 299)
      throw new Error(`${method} ${path} was answered ${answer.status} ${JSON.stringify(answer.body)}`)
    return answer.body
  }
  const store = ['sallyport.db', 'sallyport.db-wal']
  const keys: string[] = []
  const hide = (what: string, raw: string): string => {
    keys.push(raw)
    // The first 12 and the last 4 characters are what lists show.
    hunt.add(what, raw, { first: 12, last: 4 })
    hunt.addHash(what, raw, store)
    return raw
  }

  const { id } = await issue<{ id: string }>('POST', '/organizations', { name: 'Acme' })
  const organization = `/organizations/${id}`
  const apiKeys = `${organization}/api-keys`
  const { id: hookId, secret } = await issue<{ id: string; secret: string }>('POST', `${organization}/webhooks`, {
    url: target.url,
    events: ['*'],
  })
  hunt.add('a webhook secret', secret.slice('whsec_'.length))

  const stream = await fetch(`${gateway.adminUrl}/platform/requests/stream`, {
    headers: { authorization: `Bearer ${adminToken}` },
  })
  expect(stream.status).toBe(200)
  const reader = stream.body?.pipeThrough(new TextDecoderStream()).getReader()
  const followed = (async () => {
    for (;;) {
      // It ends with the gateway, which is killed.
      const piece = await reader?.read().catch(() => undefined)
      if (piece?.value === undefined) return
      hunt.place('the live tail', piece.value)
    }
  })()

  // Keys, in every way that there is to make one.
  const [once, twice] = ['a', 'b'].map((letter) => ({ 'idempotency-key': letter + randomBytes(16).toString('hex') }))
  for (const header of [once, twice]) hunt.add('an Idempotency-Key', header?.['idempotency-key'] ?? '')
  const first = await issue<Issued>('POST', apiKeys, { name: 'First', scopes: ['*', 'keys:manage'] }, once)
  hide('a created key', first.raw_key)
  expect(await issue<Issued>('POST', apiKeys, { name: 'First', scopes: ['*', 'keys:manage'] }, once)).toEqual(first)
  const second = await issue<Issued>('POST', apiKeys, { name: 'Second' })
  hide('a key that is rotated away', second.raw_key)
  const rotated = await issue<Issued>(
    'POST',
    `${apiKeys}/${second.key.id}/rotate`,
    { grace_period_seconds: 3600 },
    twice,
  )
  hide('a rotated key', rotated.raw_key)
  await issue('POST', `${apiKeys}/${second.key.id}/rotate`, { grace_period_seconds: 3600 }, twice)
  expect(await issue('POST', `${apiKeys}/${second.key.id}/reveal`)).toEqual({ raw_key: rotated.raw_key })
  const own = await fetch(`${gateway.dataUrl}/tenants/me/api-keys`, {
    method: 'POST',
    headers: { authorization: `Bearer ${first.raw_key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'Own' }),
  })
  const ownText = await own.text()
  expect(own.status).toBe(201)
  hide('a key that a key has made', /sk_live_[0-9A-Za-z]{36}/.exec(ownText)?.[0] ?? '')

  // Jobs.
  const runJob = async (type: string, params?: object): Promise<JobAnswer> => {
    const ordered = await call<JobAnswer>('POST', `${organization}/jobs`, { type, ...(params && { params }) })
    expect([type, ordered.status]).toEqual([type, 202])
    const end = await jobEnd(root, id, ordered.body.id, 20_000)
    const output = await root<string>('GET', `${organization}/jobs/${end.id}/output`)
    hunt.place('jobs and their outputs', JSON.stringify([end, output.body]))
    return end
  }
  const imported = Array.from({ length: 4 }, () => hide('an imported key', `old_${randomBytes(15).toString('hex')}`))
  const [inJson, inCsv, misplaced, broken] = imported
  const jsonl = [
    { name: 'Imported', raw_key: inJson },
    { name: `Was ${misplaced}`, raw_key: `${misplaced}` },
    { nme: `${misplaced}`, [`${misplaced}`]: 1 },
  ]
  const lines = `${jsonl.map((line) => JSON.stringify(line)).join('\n')}\n{"name":"x","raw_key":"${broken}"\n`
  expect((await runJob('key_import', { format: 'jsonl', data: lines })).result).toMatchObject({ created: 1 })
  const csv = `name,raw_key\nCSV,${inCsv}\n${misplaced},\nx,y,${broken}\n"${broken}`
  expect((await runJob('key_import', { format: 'csv', data: csv })).result).toMatchObject({ created: 1 })
  await call('POST', `${organization}/jobs`, {
    type: 'key_import',
    params: { format: 'csv', data: `${broken},b\n1,2` },
  })
  await call('POST', `${organization}/jobs`, { type: 'key_import', params: { format: broken, data: 'x' } })
  const all = { all: true, grace_period_seconds: 3600 }
  expect((await runJob('bulk_rotate', all)).status).toBe('completed')
  for (const one of [first, second]) {
    hide('a key of a bulk rotation', (await issue<Issued>('POST', `${apiKeys}/${one.key.id}/reveal`)).raw_key)
  }

  // Whoever works here.
  const password = `pass ${randomBytes(16).toString('hex')}`
  hunt.add('a password', password)
  const member = { email: 'a@example.com', role: 'owner', password }
  await call('POST', `${organization}/members`, member)
  const browser = openBrowser(gateway.adminUrl)
  expect((await browser.send('POST', '/platform/sessions', { email: member.email, password })).status).toBe(201)
  for (const [name, value] of browser.cookies) hunt.add(`the cookie ${name}`, value)
  const personal = await browser.send<{ raw_token: string }>('POST', '/platform/tokens', { name: 'CI', role: 'owner' })
  expect(personal.status).toBe(201)
  hunt.add('a personal token', personal.body.raw_token.slice('spat_'.length), { first: 0, last: 4 })
  const invited = await issue<object>('POST', '/operators', { email: 'b@example.com', name: 'B', is_root: false })
  hunt.add('a one-time link', /#token=([\w-]+)/.exec(JSON.stringify(invited))?.[1] ?? '')
  const turned = await issue<{ secret: string }>('POST', `${organization}/webhooks/${hookId}/rotate-secret`)
  hunt.add('a new webhook secret', turned.secret.slice('whsec_'.length))

  // Keys where they do not belong: callers, administrators, and a target that answers with one.
  const host = new URL(gateway.dataUrl).host
  for (const raw of keys) {
    const encoded = Array.from(raw, (char) => `%${char.charCodeAt(0).toString(16)}`).join('')
    for (const [path, ...fields] of [
      [`/api/x?token=${raw}`, `Authorization: Bearer ${raw}`],
      [`/api/${raw}`, `Authorization: Bearer ${raw}`],
      [`/${encoded}?x=${encoded}`],
      [
        '/api/y',
        `Authorization: Bearer ${raw}`,
        `User-Agent: curl/${raw}`,
        `X-Request-Id: ${raw}`,
        `Referer: http://${raw}/`,
      ],
      ['/nowhere', `Authorization: Bearer ${raw}`, `X-Request-Id: ${raw}.x`],
      ['/api/y', `Authorization: Basic ${Buffer.from(`x:${raw}`).toString('base64')}`, `Cookie: key=${raw}`],
      ['/api/y', `Authorization: Bearer ${raw}${raw}`, `Traceparent: ${raw}`, `X-Forwarded-For: ${raw}`],
    ] as const) {
      using client = await connectRaw(gateway.dataUrl)
      await client.send(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n${fields.join('\r\n')}\r\n\r\n`)
      await client.closed()
      hunt.place('answers of the data plane', client.unread)
    }
    await call('POST', apiKeys, { name: raw })
    await call('POST', apiKeys, { name: 'x', metadata: { key: encoded }, [raw]: 1 })
    await call('PATCH', `${apiKeys}/${first.key.id}`, { description: `${raw}` })
    await call('POST', `${apiKeys}/${second.key.id}/revoke`, { reason: `${raw}, ${raw}` })
    await call('POST', `${organization}/webhooks`, { url: `${target.url}?key=${raw}`, events: ['*'] })
    await call('POST', '/sessions', { email: raw, password: raw })
    await call('GET', `${apiKeys}?q=${raw}&limit=1`)
    await call('GET', `${apiKeys}/${raw}`)
    await call('GET', '/me', undefined, { 'user-agent': raw, 'x-request-id': raw, 'idempotency-key': raw })
    await call('GET', '/me', undefined, { authorization: `Bearer ${raw}` })
    await call('POST', apiKeys, `{"name": ${raw}`)
  }
  await call('POST', apiKeys, { name: 'Refused', scopes: ['no:such'] })
  target.answerWith((response, { text }) => void response.writeHead(500).end(`${keys.join(' ')} ${text}`))
  for (const where of ['test', 'test']) await call('POST', `${organization}/webhooks/${hookId}/${where}`)
  await call('DELETE', `${apiKeys}/${second.key.id}`)
  const deliveries = () =>
    root<{ response: { body: string } | null }[]>('GET', `${organization}/webhooks/${hookId}/deliveries`)
  await eventually('an answer of the target to be kept', async () =>
    (await deliveries()).body.some((delivery) => delivery.response?.body.includes('[secret]')),
  )
  await fetch(`${gateway.dataUrl}/last`, { headers: { 'x-request-id': 'the-last-one' } })
  await eventually('the last row to be written', async () =>
    JSON.stringify((await root('GET', '/requests')).body).includes('the-last-one'),
  )
  expect((await runJob('key_export')).status).toBe('completed')
  expect((await runJob('request_export', { format: 'csv' })).status).toBe('completed')

  // Everything that can be read.
  for (const path of [
    ...[
      '',
      '/api-keys',
      '/members',
      '/workspaces',
      '/service-accounts',
      '/jobs',
      '/webhooks',
      '/events',
      '/requests',
    ].map((name) => `${organization}${name}?limit=200`),
    `${apiKeys}/${first.key.id}/usage`,
    `${organization}/webhooks/${hookId}/deliveries?limit=200`,
    '/events?limit=200',
    '/requests?limit=200',
    '/operators',
    '/sessions',
    '/tokens',
    '/me',
  ]) {
    await call('GET', path.replace(`${organization}?limit=200`, organization))
  }
  for (const page of ['/metrics', '/openapi.json', '/readyz']) {
    hunt.place(page, await (await fetch(gateway.adminUrl + page)).text())
  }
  hunt.place('webhooks', JSON.stringify(target.received))
  // Killed, so that the log of the store's changes is still there.
  gateway.child.kill('SIGKILL')
  await gateway.exited
  await followed
  hunt.place('the log', gateway.output())
  for (const name of await readdir(folder)) hunt.place(name, await readFile(join(folder, name)))

  expect(hunt.findings()).toEqual([])
  for (const place of ['answers of the admin API', 'jobs and their outputs', 'webhooks', ...store.slice(1)]) {
    expect([place, hunt.holds(place, first.key.id)]).toEqual([place, true])
  }
  for (const [place, text] of [
    ['answers of the data plane', 'INVALID_API_KEY'],
    ['answers of the admin API', '[secret]'],
    ['answers of the admin API', 'looks like a key'],
    ['the log', 'the-last-one'],
    ['the live tail', 'the-last-one'],
    ['/metrics', 'sallyport_requests_total'],
    ['sallyport.db', 'SQLite format 3'],
  ] as const) {
    expect([place, text, hunt.holds(place, text)]).toEqual([place, text, true])
  }
}, 120_000)

const configOf = (upstreamUrl: string): string => `listen: 127.0.0.1:0
admin: { listen: 127.0.0.1:0 }
store: sqlite:sallyport.db
log: { level: debug, requests: true }
keys: { reveal: true, accept: [{ prefix: old_, length: 34 }] }
webhooks: { allow_private: true }
scopes: { things:read: Read }
upstreams: { api: { targets: ['${upstreamUrl}'] } }
routes: [{ path: /api/*, upstream: api }]
`
