import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openPostgresStore } from '../../src/store/postgres.ts'
import { StoreUnavailable } from '../../src/store/store.ts'
import { writeCertificate } from '../helpers/certificate.ts'
import { testClock } from '../helpers/clock.ts'
import { type PostgresServer, startPostgresServer } from '../helpers/postgres-server.ts'

let folder: string
let files: { cert: string; key: string }
let server: PostgresServer

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-postgres-tls-'))
  files = await writeCertificate(folder)
  server = await startPostgresServer({
    settings: ['ssl = on'],
    access: 'hostssl all all 127.0.0.1/32 scram-sha-256\n',
    prepare(data) {
      copyFileSync(files.cert, join(data, 'server.crt'))
      copyFileSync(files.key, join(data, 'server.key'))
    },
  })
})
afterAll(async () => {
  await server?.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** @returns the name of the server's TLS version, or why the store was not opened. */
async function open(host: string, parameters: Record<string, string>): Promise<string> {
  const url = new URL(server.url())
  url.hostname = host
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  try {
    const store = await openPostgresStore(url.href, { clock: testClock() })
    await store.close()
    return 'opened'
  } catch (error) {
    expect(error).toBeInstanceOf(StoreUnavailable)
    return error instanceof Error ? error.message : ''
  }
}

describe('TLS to PostgreSQL', () => {
  it('is taken without a look at who answers where that is asked for', async () => {
    expect(await open('127.0.0.1', { sslmode: 'require' })).toBe('opened')
  })

  it('trusts who has signed the certificate, and with verify-full asks for its name too', async () => {
    const sslrootcert = files.cert
    expect(await open('127.0.0.1', { sslmode: 'verify-ca', sslrootcert })).toBe('opened')
    expect(await open('localhost', { sslmode: 'verify-full', sslrootcert })).toBe('opened')
    expect(await open('127.0.0.1', { sslmode: 'verify-full', sslrootcert })).toMatch(
      /can't be trusted.*must be 127\.0\.0\.1/,
    )
  })

  it('trusts nobody whom it was not told of', async () => {
    expect(await open('localhost', { sslmode: 'verify-full' })).toMatch(/can't be trusted.*sslrootcert=FILE/)
    expect(await open('127.0.0.1', { sslmode: 'verify-ca' })).toMatch(/can't be trusted/)
  })

  it('is asked for where the server lets nobody in without it', async () => {
    expect(await open('127.0.0.1', {})).toMatch(/lets nobody in as postgres from here.*sslmode=require/)
  })

  it('says which file is not there', async () => {
    expect(await open('127.0.0.1', { sslmode: 'verify-full', sslrootcert: '/no/such/file' })).toMatch(
      /\/no\/such\/file/,
    )
  })
})
