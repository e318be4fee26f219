import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { start } from '../../src/app.ts'
import { loadConfig } from '../../src/config/load.ts'
import { type AdminGateway, adminApi, startAdmin } from '../helpers/admin.ts'
import { type TestClock, testClock } from '../helpers/clock.ts'

const config = (more = '', reads = 'Read projects') => `
scopes: { "projects:read": ${reads} }
upstreams: { api: { targets: ["http://127.0.0.1:9"] } }
routes:
  - { path: /projects/*, scopes: ["projects:read"], upstream: api }
${more}
`
const secret = 'literal-Client-Secret-77'
let gateway: AdminGateway
let clock: TestClock
beforeAll(async () => {
  clock = testClock()
  gateway = await startAdmin(config(), { clock })
})
afterEach(async () => {
  await gateway.writeConfig(config())
  expect((await gateway.app.reload()).ok).toBe(true)
})
afterAll(() => gateway[Symbol.asyncDispose]())

interface Policy {
  version: string
  since: string
  yaml: string
  last_reload: { at: string; result: string; problems: { line: number; path: string; message: string }[] }
}
interface Event {
  type: string
  target: string
  actor: { type: string; id: string | null }
  request_id: string | null
  before: { version: string }
  after: { version: string }
}
const reload = (api = gateway.api, body?: object) =>
  api<{ version: string; changed: boolean; code: string; errors: { path: string; message: string }[] }>(
    'POST',
    '/config/reload',
    body,
  )
const policy = async () => (await gateway.api<Policy>('GET', '/policy')).body
const events = async () =>
  (await gateway.api<Event[]>('GET', '/events')).body.filter(({ type }) => type === 'config.reloaded')
const reloads = async (result: string): Promise<number> =>
  Number(
    new RegExp(`^sallyport_config_reloads_total\\{result="${result}"\\} (\\d+)$`, 'm').exec(
      await gateway.metrics(),
    )?.[1] ?? 0,
  )

describe('POST /config/reload', () => {
  it('puts a good file in force, and writes down who asked', async () => {
    const before = await policy()
    clock.advance(60_000)
    await gateway.writeConfig(config('  - { path: /added, upstream: api }'))
    const answer = await reload()
    const after = await policy()
    expect(answer).toMatchObject({ status: 200, body: { result: 'accepted', version: after.version } })
    expect(after.version).not.toBe(before.version)
    expect(Date.parse(after.since)).toBe(clock.now())
    expect(after.last_reload).toMatchObject({ result: 'accepted', problems: [] })
    const key = await gateway.createKey()
    expect((await gateway.request('GET', '/added', { key })).status).toBe(502)
    const event = (await events()).find(({ request_id }) => request_id === answer.headers.get('x-request-id'))
    expect(event).toMatchObject({ target: after.version, after: { version: after.version } })
  })

  it('changes nothing for a bad one, and names every problem with its place', async () => {
    const [before, rejected, seen] = [await policy(), await reloads('rejected'), (await events()).length]
    await gateway.writeConfig(`${config('  - { path: /x, upstream: nowhere }')}\nworkers: 300\n`)
    const answer = await reload()
    expect(answer).toMatchObject({ status: 422, body: { code: 'VALIDATION_FAILED' } })
    expect(answer.body.errors).toEqual([
      { path: 'routes[1].upstream', message: expect.stringMatching(/^\d+:\d+: .*nowhere/) },
      { path: 'workers', message: expect.stringMatching(/^\d+:\d+: /) },
    ])
    expect(await policy()).toEqual({ ...before, last_reload: expect.objectContaining({ result: 'rejected' }) })
    expect((await policy()).last_reload.problems.map(({ path }) => path)).toEqual(['routes[1].upstream', 'workers'])
    expect(await reloads('rejected')).toBeGreaterThan(rejected)
    expect((await events()).length).toBe(seen)
  })

  it('tells no secret of the file, good or bad', async () => {
    const oidc = (issuer: string) =>
      config().concat(
        `admin: { listen: "127.0.0.1:0", oidc: { issuer: "${issuer}", client_id: c, client_secret: ${secret} } }\n`,
      )
    for (const issuer of ['https://id.example.com', 'ftp://nowhere']) {
      await gateway.writeConfig(oidc(issuer))
      const answer = await reload()
      expect(answer.status).toBe(issuer.startsWith('https') ? 200 : 422)
      for (const told of [answer.body, await policy(), await events()])
        expect(JSON.stringify(told)).not.toContain(secret)
    }
  })

  it('does the same with a large file, which is read in a thread of its own', async () => {
    const many = Array.from({ length: 800 }, (_, i) => `  - { path: /many/${i}, methods: [GET], upstream: api }`)
    const large = (more: string) => config([...many, more].join('\n'))
    await gateway.writeConfig(large(`  - { path: "/\${LAST_OF_MANY:-last}", upstream: api }`))
    expect((await reload()).status).toBe(200)
    const key = await gateway.createKey()
    expect((await gateway.request('GET', '/last', { key })).status).toBe(502)
    expect((await policy()).yaml).toContain('/many/799')
    await gateway.writeConfig(large('  - { path: /x, upstream: nowhere }'))
    expect((await reload()).body.errors.map(({ path }) => path)).toEqual(['routes[801].upstream'])
    expect((await gateway.request('GET', '/last', { key })).status).toBe(502)
  })

  it('makes each change of the file one event of the gateway, when nobody asked', async () => {
    const seen = (await events()).length
    await gateway.writeConfig(config('', 'Read them all'))
    await gateway.app.reload()
    await gateway.app.reload()
    const [event, ...rest] = await events()
    expect(event).toMatchObject({ actor: { type: 'system', id: null }, after: { version: (await policy()).version } })
    expect(rest.length).toBe(seen)
  })

  it('takes no body but an empty one, and is for root', async () => {
    expect((await reload(gateway.api, { force: true })).status).toBe(422)
    expect((await reload(gateway.api, {})).status).toBe(200)
    expect((await reload(await gateway.member('owner'))).status).toBe(403)
    expect((await reload(gateway.as(null))).status).toBe(401)
  })

  it('reads one after the other, and the last text stays', async () => {
    const answers: Promise<unknown>[] = []
    for (let i = 0; i < 8; i++) {
      await gateway.writeConfig(config('', `Text ${i}`))
      answers.push(reload())
    }
    await Promise.all(answers)
    expect((await policy()).yaml).toContain('Text 7')
  })

  it('is 409 where the gateway was started without a file', async () => {
    const loaded = await loadConfig(gateway.configFile, {})
    if (!loaded.ok) throw new Error('the file is good')
    const store = `${loaded.config.store}.other`
    const token = 't'.repeat(40)
    await using app = await start({
      config: { ...loaded, config: { ...loaded.config, store } },
      env: { SALLYPORT_ADMIN_TOKEN: token },
    })
    const api = adminApi(app.adminUrl, token)
    expect(await reload(api)).toMatchObject({ status: 409, body: { code: 'CONFLICT' } })
    expect((await api<{ file: null }>('GET', '/policy')).body.file).toBe(null)
  })
})
