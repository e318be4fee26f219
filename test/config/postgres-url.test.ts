import { describe, expect, it } from 'vitest'
import { parsePostgresUrl, resolvePostgresFiles, showPostgresUrl } from '../../src/config/postgres-url.ts'

describe('the URL of a PostgreSQL database', () => {
  it('says where it is and how to get in', () => {
    expect(parsePostgresUrl('postgres://app:p%40ss%2Fw%25rd@db.internal:6432/sallyport?connections=20')).toEqual({
      host: 'db.internal',
      port: 6432,
      user: 'app',
      password: 'p@ss/w%rd',
      database: 'sallyport',
      tls: { mode: 'disable' },
      connections: 20,
    })
    expect(parsePostgresUrl('postgresql://app@[::1]/db')).toMatchObject({
      host: '::1',
      port: 5432,
      password: undefined,
    })
  })

  it('may name the folder of a Unix socket', () => {
    expect(parsePostgresUrl('postgres://app@/db?host=/run/postgresql')).toMatchObject({
      host: '/run/postgresql',
      user: 'app',
      database: 'db',
    })
  })

  it.each([
    ['postgres://app@/db', /names no host/],
    ['postgres://db.internal/db', /names no user/],
    ['postgres://app@db', /names no database/],
    ['postgres://app:a/b@db/x', /is not a URL|names no database|names no user/],
    ['postgres://app:a%zz@db/x', /%25/],
    ['postgres://app@db/x?sslmode=prefer', /unknown sslmode; write one of disable, require, verify-ca, verify-full/],
    ['postgres://app@db/x?sslmode=verify-full&sslcert=a', /sslcert and sslkey together/],
    ['postgres://app@db/x?sslrootcert=a', /add sslmode=verify-full/],
    ['postgres://app@db/x?connections=2', /whole number from 6 to 200/],
    ['postgres://app@db/x?application_name=y', /unknown parameter "application_name"/],
  ])('is refused with a reason: %s', (url, reason) => {
    expect(parsePostgresUrl(url)).toMatch(reason)
  })

  it('never shows its password, also where it is wrong', () => {
    for (const url of [
      'postgres://app:hunter2@db/x',
      'postgres://app:hunter2@db',
      'postgres://app:hun/ter2@db/x?bad=1',
    ]) {
      expect(showPostgresUrl(url)).not.toMatch(/hunter2|ter2/)
      expect(String(parsePostgresUrl(`${url}?a=b`)).replace('[object Object]', '')).not.toMatch(/hunter2|ter2/)
    }
    expect(showPostgresUrl('postgres://app:hunter2@db/x')).toBe('postgres://app@db:5432/x')
  })

  it('takes its files from the folder of the configuration', () => {
    const url = resolvePostgresFiles(
      'postgres://app:p%40s@db/x?sslmode=verify-full&sslrootcert=ca.pem',
      (file) => `/etc/s/${file}`,
    )
    expect(parsePostgresUrl(url)).toMatchObject({ password: 'p@s', tls: { rootCert: '/etc/s/ca.pem' } })
  })
})
