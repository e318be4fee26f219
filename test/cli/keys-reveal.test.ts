import { randomBytes } from 'node:crypto'
import { rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type CliSandbox, cliConfig, cliSandbox, mainFile, runNode } from '../helpers/cli.ts'

interface Created {
  readonly key: { readonly id: string }
  readonly raw_key: string
}

describe('sallyport keys reveal', () => {
  let cli: CliSandbox
  beforeEach(async () => {
    cli = await cliSandbox(`${cliConfig}keys: { reveal: true }\n`)
    await cli.json('orgs', 'create', 'Acme')
  })
  afterEach(() => cli[Symbol.asyncDispose]())

  const create = () => cli.json<Created>('keys', 'create', '--org', 'acme', '--name', 'CI')
  const withKey = (env: NodeJS.ProcessEnv, ...args: string[]) => runNode([mainFile, ...args], cli.folder, env)

  it('prints the key again, alone on its line or as JSON, also after a rotation', async () => {
    const { key, raw_key } = await create()
    expect(await cli.run('keys', 'reveal', key.id)).toEqual({ code: 0, stdout: `${raw_key}\n`, stderr: '' })
    const rotated = await cli.json<Created>('keys', 'rotate', key.id)
    expect(await cli.json('keys', 'reveal', key.id, '--org', 'acme')).toEqual({ raw_key: rotated.raw_key })
    expect((await stat(join(cli.folder, 'data/sallyport.db.key'))).mode & 0o777).toBe(0o600)
  })

  it('says so when it was made without a copy, was revoked, or is not there', async () => {
    const { key } = await create()
    await writeFile(join(cli.folder, 'off.yaml'), cliConfig)
    const off = await cli.run('keys', 'reveal', key.id, '--config', 'off.yaml')
    expect([off.code, off.stdout, off.stderr]).toEqual([1, '', expect.stringContaining('keys.reveal is off')])
    const plain = await cli.json<Created>('keys', 'create', '--org', 'acme', '--name', 'b', '--config', 'off.yaml')
    expect((await cli.run('keys', 'reveal', plain.key.id)).stderr).toContain('was made while keys.reveal was off')
    await cli.run('keys', 'revoke', key.id)
    expect((await cli.run('keys', 'reveal', key.id)).stderr).toContain('revoked or expired')
    expect((await cli.run('keys', 'reveal', 'key_none')).stderr).toContain('there is no key "key_none"')
  })

  it('tells what to do when the master key is another one, or not here', async () => {
    const env = { SALLYPORT_MASTER_KEY: randomBytes(32).toString('base64') }
    const made = await withKey(env, 'keys', 'create', '--org', 'acme', '--name', 'CI', '--json')
    const { key, raw_key }: Created = JSON.parse(made.stdout)
    expect((await withKey(env, 'keys', 'reveal', key.id)).stdout).toBe(`${raw_key}\n`)

    const without = await cli.run('keys', 'reveal', key.id)
    expect([without.code, without.stdout]).toEqual([1, ''])
    expect(without.stderr).toContain('Set SALLYPORT_MASTER_KEY to that one')
    await expect(stat(join(cli.folder, 'data/sallyport.db.key'))).rejects.toThrow('ENOENT')

    const other = { SALLYPORT_MASTER_KEY: randomBytes(32).toString('base64') }
    const stranger = await withKey(other, 'keys', 'reveal', key.id)
    expect([stranger.code, stranger.stdout]).toEqual([1, ''])
    expect(stranger.stderr).toContain('SALLYPORT_MASTER_KEY_OLD')
    const both = { ...other, SALLYPORT_MASTER_KEY_OLD: env.SALLYPORT_MASTER_KEY }
    expect((await withKey(both, 'keys', 'reveal', key.id)).stdout).toBe(`${raw_key}\n`)

    const wrong = await withKey({ SALLYPORT_MASTER_KEY: 'hunter2' }, 'keys', 'reveal', key.id)
    expect(wrong.stderr).toContain('openssl rand -base64 32')
    expect(wrong.stderr).not.toContain('hunter2')
  })

  it('is in the audit trail, without the key', async () => {
    const { key, raw_key } = await create()
    await cli.run('keys', 'reveal', key.id)
    using database = new DatabaseSync(join(cli.folder, 'data/sallyport.db'), { readOnly: true })
    const rows = database.prepare('select type, actor_type, target, after from admin_events order by seq desc').all()
    expect(rows[0]).toMatchObject({ type: 'api_key.revealed', actor_type: 'cli', target: key.id })
    expect(JSON.stringify(rows)).not.toContain(raw_key)
  })

  it('makes the gateway refuse to start when the master key file is gone, and says what to do', async () => {
    await create()
    await rm(join(cli.folder, 'data/sallyport.db.key'))
    const started = await cli.run('start')
    expect([started.code, started.stdout]).toEqual([1, ''])
    expect(started.stderr).toMatch(/^error: the store holds secrets encrypted with the master key [0-9a-f]{16}/)
  })
})
