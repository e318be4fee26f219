import { type PostgresAddress, showPostgresAddress } from '../../config/postgres-url.ts'
import { StoreConflict, StoreRefused, StoreUnavailable } from '../store.ts'

/** What PostgreSQL or the way to it says, in the words of the store contract. Never a value of a row, never the password. */
export function toStoreError(error: unknown): Error {
  if (error instanceof StoreUnavailable || error instanceof StoreConflict || error instanceof StoreRefused) return error
  const { code, constraint, message } = describe(error)
  if (code === uniqueViolation) return new StoreConflict(fieldOf(constraint))
  // The server's words may quote a value that was sent to it; a code never does.
  if (/^2[23]/.test(code)) {
    return new StoreRefused(`the store refuses it: SQLSTATE ${code}`, { cause: { code, constraint } })
  }
  return new StoreUnavailable(`the store can't answer: ${reasons[code] ?? message}`, {
    cause: { code, constraint },
    mayPass: !isStanding(code),
  })
}

/** Why the database could not be opened, and what to do next. */
export function toOpenError(address: PostgresAddress, error: unknown): StoreUnavailable {
  const { code, message } = describeOpen(error)
  const standing = error instanceof StoreUnavailable ? !error.mayPass : isStanding(code)
  const text = openAdvice(address, code, message) ?? `${message}.`
  return new StoreUnavailable(`can't open the store ${showPostgresAddress(address)}: ${text}`, {
    cause: { code },
    mayPass: !standing,
  })
}

/** Whether the connection can't be used any more, or leads to a server that is no longer the right one. */
export function isConnectionLost(error: unknown): boolean {
  const { code } = describe(error)
  // Without an SQLSTATE (five letters or digits) it was the connection that failed, not a statement.
  return !/^[0-9A-Z]{5}$/.test(code) || /^(08|57P0|25006|25P03)/.test(code)
}

/** Whether the same transaction may go through when it is tried again. */
export const isRetryable = (error: unknown): boolean => ['40001', '40P01'].includes(causeCode(error) ?? '')

/** The code behind an error of the store: an SQLSTATE, or one of the connection's, which may be empty. */
export function causeCode(error: unknown): string | undefined {
  const cause = error instanceof StoreUnavailable || error instanceof StoreRefused ? error.cause : undefined
  return typeof cause === 'object' && cause !== null && 'code' in cause ? String(cause.code) : undefined
}

const uniqueViolation = '23505'

/**
 * `organizations_slug_key` → slug, `workspaces_external_id` → external_id. By name, since the server's text may be in any
 * language and holds the value.
 */
function fieldOf(constraint: string): string {
  if (constraint.endsWith('_pkey')) return 'id'
  const column = constraint.replace(/_key$/, '').replace(tableNames, '')
  return column === 'sha256' ? 'secret' : column
}

const tableNames =
  /^(organizations|service_accounts|workspaces|api_keys|key_secrets|operators|operator_sessions|operator_tokens|admin_events)_/

const reasons: Readonly<Record<string, string>> = {
  '25006':
    'the server is read-only: a standby, or one that is being replaced. The next connection looks for the right one',
  '40001': 'too many changes at once. Try again',
  '40P01': 'too many changes at once. Try again',
  '53100': 'no space is left on the disk of the server. Make room there',
  '53300': 'the server has no connection left. Raise its max_connections, or lower connections= in "store"',
  '55P03': 'another change has kept it waiting for too long. Try again',
  '57014': 'the query has taken too long and was ended. Ask for less at once',
  '57P01': 'the server is being shut down',
  '57P03': 'the server is starting or stopping',
}

/** Something has to be put right first: waiting does not help. */
const isStanding = (code: string): boolean => standing.has(code) || isTlsProblem(code)
const standing = new Set(['28P01', '28000', '3D000', '42501', 'NO_TLS', 'OLD', 'EACCES', 'ENOENT'])
const isTlsProblem = (code: string): boolean =>
  /^(ERR_(TLS|SSL|OSSL)_|CERT_|UNABLE_TO_|DEPTH_ZERO|SELF_SIGNED|HOSTNAME_)/.test(code)

function openAdvice(
  { user, host, port, database, tls }: PostgresAddress,
  code: string,
  message: string,
): string | undefined {
  if (isTlsProblem(code) && tls.mode === 'require') return `TLS can't be set up (${code}).`
  if (isTlsProblem(code)) {
    return `the server's certificate can't be trusted (${code}). Name the certificate of who has signed it with sslrootcert=FILE in "store"; with sslmode=verify-full its name must be ${host}.`
  }
  if (code === '28000' && /pg_hba/.test(message)) {
    const need =
      tls.mode === 'disable'
        ? 'If it asks for TLS, add ?sslmode=require (better: verify-full) to "store"; else let'
        : 'Let'
    return `the server lets nobody in as ${user} from here. ${need} the user in with a line in its pg_hba.conf.`
  }
  const advice: Readonly<Record<string, string>> = {
    '28000': `the server does not let the user ${user} in. Correct the user under "store".`,
    '28P01': `the user ${user} and the password don't belong together. Correct them under "store".`,
    '3D000': `there is no database "${database}". Make it on the server: create database "${database}" owner "${user}".`,
    '42501': `the user ${user} may not make tables in it. On the server: alter database "${database}" owner to "${user}".`,
    '53300': 'the server has no connection left. Raise its max_connections, or lower connections= in "store".',
    '57P03': 'the server is starting or stopping.',
    ECONNREFUSED: `nothing answers at ${host}:${port}. Start the server, or correct the address under "store".`,
    ENOTFOUND: `there is no host ${host}. Correct it under "store".`,
    EAI_AGAIN: `the name ${host} can't be looked up. Check the name servers of this machine.`,
    EHOSTUNREACH: `there is no way to ${host}. Check the network.`,
    TIMEOUT: `no answer from ${host}:${port} in time. Check the address, the firewall and whether the server is overloaded.`,
    ENOENT: host.startsWith('/')
      ? `there is no socket of a server in ${host}. Start the server, or correct host= in "store".`
      : `${message}. Correct the path in "store".`,
    EACCES:
      'this user may not. Check who may use the socket, and who may read the files of sslrootcert, sslcert and sslkey.',
    NO_TLS:
      'the server has no TLS. Set it up there; on a network that nobody else can listen to, write sslmode=disable.',
  }
  return advice[code]
}

/** The lane has put it in words for those who use the store; those who open it need others. */
function describeOpen(error: unknown): { code: string; message: string } {
  if (!(error instanceof StoreUnavailable)) return describe(error)
  return { code: causeCode(error) ?? '', message: error.message }
}

function describe(error: unknown): { code: string; constraint: string; message: string } {
  if (!(error instanceof Error)) return { code: '', constraint: '', message: String(error) }
  // Every address of a host has failed: the last one says why.
  const inner = error instanceof AggregateError ? (error.errors.at(-1) ?? error) : error
  const message = inner.message
  const given = 'code' in inner ? String(inner.code) : ''
  const constraint = 'constraint' in inner ? String(inner.constraint ?? '') : ''
  if (given !== '') return { code: given, constraint, message }
  if (/does not support SSL/.test(message)) return { code: 'NO_TLS', constraint, message }
  if (/timeout/i.test(message)) return { code: 'TIMEOUT', constraint, message: 'no answer in time' }
  return { code: '', constraint, message }
}
