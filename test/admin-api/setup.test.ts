import { spawn } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openSqliteStore } from '../../src/store/sqlite.ts'
import { openBrowser } from '../helpers/browser.ts'
import { cliConfig, cliSandbox, mainFile } from '../helpers/cli.ts'
import { testClock } from '../helpers/clock.ts'
import { eventually } from '../helpers/eventually.ts'
import { startGateway } from '../helpers/gateway.ts'
import { password } from '../helpers/operators.ts'

const tokenIn = (url: string | undefined): string => url?.split('#token=')[1] ?? ''
const first = { email: 'Ada@Example.com', name: 'Ada', password }

describe('set-up', () => {
  it('makes the first operator, who is root and logged in', async () => {
    await using gateway = await startGateway('')
    const browser = openBrowser(gateway.adminUrl)
    const methods = async () => (await browser.send('GET', '/platform/auth/methods')).body
    expect(await methods()).toEqual({ password: true, oidc: false, setup_required: true })
    const link = await gateway.app.setupLink()
    expect(link?.url).toMatch(new RegExp(`^${gateway.adminUrl}/setup#token=[\\w-]{43}$`))
    const answer = await browser.send('POST', '/platform/setup', { token: tokenIn(link?.url), ...first })
    expect(answer.status).toBe(201)
    expect(answer.body).toMatchObject({ email: 'ada@example.com', name: 'Ada', is_root: true, via: 'session' })
    expect((await browser.send('POST', '/platform/organizations', { name: 'Second' })).status).toBe(201)
    expect(await methods()).toMatchObject({ setup_required: false })
    expect(await gateway.app.setupLink()).toBeUndefined()
    const [event] = (await gateway.store.listEvents({}, { limit: 200 })).rows
    expect(event).toMatchObject({ type: 'organization.created', actor: { type: 'operator', id: answer.body.id } })
  })

  it('works once, also when two are at it at the same time', async () => {
    await using gateway = await startGateway('')
    const token = tokenIn((await gateway.app.setupLink())?.url)
    const attempt = (email: string) =>
      openBrowser(gateway.adminUrl).send('POST', '/platform/setup', { token, ...first, email })
    const answers = await Promise.all([attempt('a@example.com'), attempt('b@example.com')])
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 401])
    expect(await gateway.store.listOperators()).toHaveLength(1)
  })

  it('ends after a day, and when there is a newer link', async () => {
    const clock = testClock()
    await using gateway = await startGateway('', { clock })
    const attempt = async (url: string | undefined) =>
      (await openBrowser(gateway.adminUrl).send('POST', '/platform/setup', { token: tokenIn(url), ...first })).status
    const older = await gateway.app.setupLink()
    const newer = await gateway.app.setupLink()
    expect(await attempt(older?.url)).toBe(401)
    clock.advance(24 * 3_600_000)
    expect(await attempt(newer?.url)).toBe(401)
    expect(await attempt('#token=')).toBe(422)
    expect(await attempt((await gateway.app.setupLink())?.url)).toBe(201)
  })

  it('says what is missing or too weak, and the link stays good', async () => {
    await using gateway = await startGateway('')
    const browser = openBrowser(gateway.adminUrl)
    const token = tokenIn((await gateway.app.setupLink())?.url)
    const attempt = async (body: object) => {
      const answer = await browser.send<{ errors?: { path: string }[] }>('POST', '/platform/setup', { token, ...body })
      return [answer.status, answer.body.errors?.map(({ path }) => path)]
    }
    expect(await attempt({ password })).toEqual([422, ['email', 'name']])
    expect(await attempt({ ...first, password: 'elevenchars' })).toEqual([422, ['password']])
    expect(await attempt({ ...first, email: 'ada' })).toEqual([422, ['email']])
    expect(await attempt({ ...first, is_root: true })).toEqual([422, ['']])
    expect((await attempt(first))[0]).toBe(201)
  })

  it('is not offered where there is an admin token', async () => {
    await using gateway = await startGateway('', { env: { SALLYPORT_ADMIN_TOKEN: 'x'.repeat(32) } })
    expect(await gateway.app.setupLink()).toBeUndefined()
  })
})

describe('the command line', () => {
  it('prints the set-up link on the terminal and never in the log', async () => {
    await using sandbox = await cliSandbox(cliConfig)
    await mkdir(join(sandbox.folder, 'data'), { recursive: true })
    const env = { ...process.env, SALLYPORT_ADMIN_TOKEN: '' }
    const child = spawn(process.execPath, [mainFile, 'start'], { cwd: sandbox.folder, env })
    const written = { stdout: '', stderr: '' }
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      written.stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      written.stderr += text
    })
    try {
      const token = await eventually('the link', () => /#token=([\w-]{43})\n/.exec(written.stderr)?.[1], {
        withinMs: 15_000,
      })
      const adminUrl = /(http:\/\/\S+)\/setup#token=/.exec(written.stderr)?.[1] ?? ''
      const answer = await openBrowser(adminUrl).send('POST', '/platform/setup', { token, ...first })
      expect(answer.status).toBe(201)
      child.kill('SIGTERM')
      await new Promise((resolve) => child.once('close', resolve))
      expect(written.stdout).toContain('"listening"')
      expect(written.stdout).not.toContain(token)
    } finally {
      child.kill('SIGKILL')
    }
  }, 30_000)

  it('creates, lists, changes and deletes operators', async () => {
    await using sandbox = await cliSandbox(cliConfig)
    await sandbox.json('orgs', 'create', 'Acme')
    const root = await sandbox.json('operators', 'create', 'Ada@Example.com', '--root')
    expect(root).toMatchObject({
      email: 'ada@example.com',
      name: 'ada',
      is_root: true,
      has_password: false,
      verified: true,
    })
    const bob = await sandbox.run('operators', 'create', 'bob@example.com', '--org', 'acme', '--role', 'engineer')
    expect([bob.code, bob.stdout]).toEqual([0, expect.stringMatching(/\/setup#token=[\w-]{43}\n$/)])
    expect((await sandbox.run('operators', 'set-role', 'bob@example.com', 'admin', '--org', 'acme')).code).toBe(0)
    expect((await sandbox.run('operators', 'set-role', 'bob@example.com', 'root')).code).toBe(0)
    expect(await sandbox.json('operators', 'set-role', 'bob@example.com', 'none')).toMatchObject({ is_root: false })
    const reset = await sandbox.json<{ invitation: { url: string } }>('operators', 'reset-password', 'bob@example.com')
    expect(reset.invitation.url).toMatch(/#token=/)
    const listed = await sandbox.json<{ email: string }[]>('operators', 'list')
    expect(listed.map(({ email }) => email)).toEqual(['bob@example.com', 'ada@example.com'])
    expect((await sandbox.run('operators', 'delete', 'bob@example.com')).code).toBe(0)
  }, 60_000)

  it('gives nobody more than their organization whom nobody stands for', async () => {
    await using sandbox = await cliSandbox(cliConfig)
    await sandbox.json('orgs', 'create', 'Acme')
    const { id: organizationId } = await sandbox.json<{ id: string }>('orgs', 'create', 'Other')
    const store = await openSqliteStore(join(sandbox.folder, 'data/sallyport.db'), { clock: testClock() })
    const email = 'cto@example.com'
    const { id } = await store
      .createOperator(
        {
          ...{ email, name: 'C', isRoot: false, verified: false, passwordHash: null },
          membership: { organizationId, role: 'viewer' },
        },
        { type: 'system', id: null },
      )
      .finally(() => store.close())
    for (const args of [['root'], ['owner', '--org', 'acme']]) {
      const { code, stderr } = await sandbox.run('operators', 'set-role', email, ...args)
      expect([code, stderr]).toEqual([
        1,
        expect.stringMatching(/nobody has confirmed it.*OIDC.*sallyport operators reset-password cto@example\.com/),
      ])
    }
    const own = await sandbox.json('operators', 'set-role', email, 'owner', '--org', 'other')
    expect(own).toMatchObject({ id, is_root: false, verified: false })
    await sandbox.json('operators', 'reset-password', email)
    await sandbox.json('operators', 'set-role', email, 'viewer', '--org', 'acme')
    expect(await sandbox.json('operators', 'set-role', email, 'root')).toMatchObject({ id, is_root: true })
  }, 60_000)

  it('tells what to do about what it can’t do', async () => {
    await using sandbox = await cliSandbox(cliConfig)
    const failed = async (...args: string[]) => {
      const { code, stderr } = await sandbox.run('operators', ...args)
      return [code, stderr.split('\n')[0]]
    }
    expect(await failed('create', 'ada')).toEqual([2, 'error: "ada" is not an e-mail address'])
    expect(await failed('create', 'a@example.com')).toEqual([
      2,
      'error: say what they may do: --root, or --org and --role',
    ])
    expect(await failed('create', 'a@example.com', '--org', 'acme')).toEqual([
      2,
      'error: --org and --role belong together',
    ])
    expect(await failed('set-role', 'a@example.com', 'chief')).toEqual([
      2,
      'error: without --org the role is root or none, not "chief"',
    ])
    expect((await failed('reset-password', 'a@example.com'))[0]).toBe(1)
    await sandbox.json('operators', 'create', 'a@example.com', '--root')
    expect(await failed('create', 'a@example.com', '--root')).toEqual([
      1,
      'error: there is already one with this email; change their role with "sallyport operators set-role", or make a link with reset-password',
    ])
  }, 60_000)
})
