import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createPasswords } from '../src/admin-api/login/passwords.ts'
import { type App, start } from '../src/app.ts'
import { systemClock } from '../src/clock.ts'
import { formatProblems, loadConfig } from '../src/config/load.ts'
import { createKey, keyRules } from '../src/keys/create.ts'
import { compileKeyFormats } from '../src/keys/format.ts'
import { startUpstream } from './upstream.ts'

/**
 * `npm run demo`: a sample API, a gateway in front of it, an organization with two keys, and requests that show what
 * comes of them, and somebody who can log in to the dashboard. Each line shown was run a moment before, and the answer under it is the one that came.
 * With --once, or where nobody is watching, it ends after that: with 1 when an answer was not the one it should be.
 */
async function demo(): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-demo-'))
  await using cleanup = new AsyncDisposableStack()
  cleanup.defer(() => rm(folder, { recursive: true, force: true }))

  const loaded = await loadConfig(fileURLToPath(new URL('../gateway.yaml', import.meta.url)), {})
  if (!loaded.ok) throw new Error(formatProblems(loaded.problems))
  const { config } = loaded

  const upstream = await startUpstream(await freePort(9000))
  cleanup.defer(() => upstream.close())
  const upstreams = Object.fromEntries(
    Object.entries(config.upstreams).map(([name, settings]) => [name, { ...settings, targets: [upstream.url] }]),
  )
  const app = await start({
    config: {
      ...loaded,
      config: {
        ...config,
        listen: { host: '127.0.0.1', port: await freePort(config.listen.port) },
        admin: { ...config.admin, listen: { host: '127.0.0.1', port: await freePort(config.admin.listen.port) } },
        store: `sqlite:${join(folder, 'sallyport.db')}`,
        log: { ...config.log, level: 'error' },
        upstreams,
      },
    },
  })
  cleanup.use(app)

  const keys = await createKeys(app, config)
  const operator = await createOperator(app)
  print(picture(app, upstream.url))
  const wrong = await runLines(linesFor(app, keys))
  const loggedIn = await logIn(app, operator)
  print(
    `The dashboard: ${app.adminUrl}`,
    `  e-mail   ${operator.email}`,
    `  password ${operator.password}${loggedIn === 201 ? '' : `   <- 201 was expected, ${loggedIn} came`}`,
    '',
  )
  const unexpected = wrong + (loggedIn === 201 ? 0 : 1)
  if (unexpected > 0) print(`${unexpected} of these answers should have been another.`)
  const isOnce = process.argv.includes('--once')
  if (!isOnce && !process.stdout.isTTY)
    print('Nobody is watching in a terminal: the demo ends here, and all of it with it.')
  if (isOnce || !process.stdout.isTTY) return unexpected === 0 ? 0 : 1

  print(
    `Try the lines in another terminal. ${app.adminUrl}/metrics has the numbers. Ctrl-C stops all of it and deletes its data.`,
  )
  await new Promise<void>((resolve) => process.once('SIGINT', resolve).once('SIGTERM', resolve))
  return 0
}

interface DemoKeys {
  /** May read, and start runs in prj_42. */
  readonly full: string
  /** May read alone. */
  readonly reader: string
}

/** What "sallyport orgs create", "workspaces create" and "keys create" do, in one process. */
async function createKeys({ store }: App, config: Parameters<typeof keyRules>[0]): Promise<DemoKeys> {
  const actor = { type: 'cli', id: null } as const
  const organization = await store.createOrganization({ name: 'Acme Ltd' }, actor)
  const organizationId = organization.id
  await store.createWorkspace({ organizationId, name: 'Website', externalId: 'prj_42' }, actor)
  const formats = compileKeyFormats(config.keys)

  const create = async (name: string, scopes: string[], workspaceIds: string[]): Promise<string> => {
    const created = await createKey(
      { name, scopes, workspaceIds },
      {
        store,
        rules: keyRules(config),
        clock: systemClock,
        generate: (environment) => formats.generate(environment),
        organizationId,
        actor,
      },
    )
    if (!created.ok) throw new Error(JSON.stringify(created.problems))
    return created.secret.reveal()
  }
  return {
    full: await create('CI pipeline', ['projects:read', 'runs:write'], ['prj_42']),
    reader: await create('Dashboard', ['projects:read'], []),
  }
}

interface DemoOperator {
  readonly email: string
  readonly password: string
}

/** With a password of its own each time: the address is the same for everybody who reads this. */
async function createOperator({ store }: App): Promise<DemoOperator> {
  const [email, password] = ['demo@example.com', randomBytes(12).toString('base64url')]
  const passwordHash = await createPasswords().hash(password)
  const operator = { email, name: 'Demo', isRoot: true, verified: true, passwordHash }
  await store.createOperator(operator, { type: 'cli', id: null })
  return { email, password }
}

/** @returns the status of the answer. */
async function logIn({ adminUrl }: App, operator: DemoOperator): Promise<number> {
  const response = await fetch(`${adminUrl}/platform/sessions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(operator),
    signal: AbortSignal.timeout(10_000),
  })
  await response.body?.cancel()
  return response.status
}

interface Line {
  readonly why: string
  readonly method?: 'POST'
  readonly url: string
  readonly key?: string
  readonly expect: number
}

const linesFor = ({ dataUrl }: App, { full, reader }: DemoKeys): Line[] => [
  { why: 'Who am I? The gateway answers this one itself.', url: `${dataUrl}/api/v1/me`, key: full, expect: 200 },
  {
    why: 'The key has projects:read. See what the API is told about the caller; the key itself is not among it.',
    url: `${dataUrl}/api/v1/projects`,
    key: full,
    expect: 200,
  },
  {
    why: 'It has runs:write too, and a grant for this project.',
    method: 'POST',
    url: `${dataUrl}/api/v1/projects/prj_42/runs`,
    key: full,
    expect: 202,
  },
  {
    why: 'No grant for this one: the same 404 as for a project that does not exist.',
    method: 'POST',
    url: `${dataUrl}/api/v1/projects/prj_43/runs`,
    key: full,
    expect: 404,
  },
  {
    why: 'Refused: this other key has no runs:write. WWW-Authenticate and required_scopes say so.',
    method: 'POST',
    url: `${dataUrl}/api/v1/projects/prj_42/runs`,
    key: reader,
    expect: 403,
  },
  { why: 'Refused: no key at all.', url: `${dataUrl}/api/v1/projects`, expect: 401 },
  { why: 'A public route asks for no key.', url: `${dataUrl}/status`, expect: 200 },
]

/** @returns how many answers were not as expected. */
async function runLines(lines: readonly Line[]): Promise<number> {
  let unexpected = 0
  for (const { why, method, url, key, expect } of lines) {
    const response = await fetch(url, {
      ...(method && { method }),
      ...(key !== undefined && { headers: { authorization: `Bearer ${key}` } }),
      signal: AbortSignal.timeout(10_000),
    })
    const body = await response.text()
    const mark = response.status === expect ? '' : `   <- ${expect} was expected`
    if (response.status !== expect) unexpected++
    print(
      `# ${why}`,
      `  $ curl ${method ? `-X ${method} ` : ''}${key ? `-H "Authorization: Bearer ${key}" ` : ''}${url}`,
      `  ${response.status} ${response.statusText}${mark}`,
      ...wrap(body).map((line) => `  ${line}`),
      '',
    )
  }
  return unexpected
}

const picture = ({ dataUrl, adminUrl }: App, upstreamUrl: string): string => `
  you  ──►  Sallyport ${dataUrl}  ──►  sample API ${upstreamUrl}
            keys, scopes, limits, log              knows nothing of keys
            dashboard, health and metrics: ${adminUrl}
`

/** Long JSON over several lines of a terminal. */
const wrap = (text: string): string[] => text.match(/.{1,110}/g) ?? []

/** The port itself when nobody listens there, else 0: any free one. */
async function freePort(wanted: number): Promise<number> {
  const probe = createServer()
  const free = await new Promise<boolean>((resolve) => {
    probe.once('error', () => resolve(false))
    probe.listen(wanted, '127.0.0.1', () => resolve(true))
  })
  if (free) await new Promise((resolve) => probe.close(resolve))
  return free ? wanted : 0
}

const print = (...lines: string[]): void => {
  process.stdout.write(`${lines.join('\n')}\n`)
}

process.exitCode = await demo()
