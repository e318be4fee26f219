import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import pg from 'pg'
import type { PostgresAddress, PostgresTls } from '../../config/postgres-url.ts'

/**
 * What the driver needs to know to connect.
 * @throws when a file of a certificate can't be read.
 */
export function connectionOf({ host, port, user, password, database, tls }: PostgresAddress): pg.ClientConfig {
  return {
    host,
    port,
    user,
    // Not undefined: the driver would look for one in the environment and in the user's home.
    password: password ?? '',
    database,
    ssl: tlsOf(tls, host),
    application_name: 'sallyport',
    types: { getTypeParser },
  }
}

/** Our numbers are whole and below 2^53, or counts and sums of such: all of them are numbers here. */
function getTypeParser(oid: number, format?: 'text' | 'binary'): (value: string) => unknown {
  return oid === int8 || oid === numeric ? Number : pg.types.getTypeParser(oid, format as 'text')
}
const int8 = 20
const numeric = 1700

function tlsOf({ mode, rootCert, cert, key }: PostgresTls, host: string): pg.ClientConfig['ssl'] {
  if (mode === 'disable') return false
  return {
    // As psql has it: `require` keeps listeners out, who it is that answers is asked by the other two alone.
    rejectUnauthorized: mode !== 'require',
    ...(mode === 'verify-ca' && { checkServerIdentity: () => undefined }),
    // For the comparison with the certificate; an address is no name to ask the server for (RFC 6066).
    ...(host.startsWith('/') ? {} : { host, ...(isIP(host) === 0 && { servername: host }) }),
    ...(rootCert !== undefined && { ca: readFileSync(rootCert) }),
    ...(cert !== undefined && { cert: readFileSync(cert) }),
    ...(key !== undefined && { key: readFileSync(key) }),
  }
}
