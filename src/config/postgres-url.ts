import { isIP } from 'node:net'

/** Where a PostgreSQL database is and how to get in, as `store: postgres://…` says it. */
export interface PostgresAddress {
  /** A name, an address, or the folder of a Unix socket. */
  readonly host: string
  readonly port: number
  readonly user: string
  /** Never in a message, a log line or an error. */
  readonly password: string | undefined
  readonly database: string
  readonly tls: PostgresTls
  /** How many connections one process may hold. */
  readonly connections: number
}

export interface PostgresTls {
  readonly mode: (typeof tlsModes)[number]
  /** Files: who may have signed the server's certificate; our own certificate and its key. */
  readonly rootCert?: string
  readonly cert?: string
  readonly key?: string
}

export const isPostgresUrl = (store: string): boolean => /^postgres(ql)?:\/\//.test(store)

/** @returns the address, or what is wrong with the text: a sentence that holds nothing of it but names of parameters. */
export function parsePostgresUrl(text: string): PostgresAddress | string {
  const url = parse(text)
  if (url === undefined)
    return `is not a URL; write ${example}. Letters like @ : / # % in a password are written as %40 %3A %2F %23 %25`
  const parameters = url.searchParams
  const unknown = [...parameters.keys()].find((name) => !known.includes(name))
  if (unknown !== undefined)
    return `has the unknown parameter ${JSON.stringify(unknown)}; allowed are ${known.join(', ')}`
  const host = parameters.get('host') ?? (withoutHost.test(text) ? '' : url.hostname.replace(/^\[|\]$/g, ''))
  if (host === '') return `names no host; write ${example}`
  const database = decoded(url.pathname.slice(1))
  if (database === undefined || database === '' || database.includes('/')) return `names no database; write ${example}`
  const user = decoded(url.username)
  const password = decoded(url.password)
  if (user === undefined || password === undefined)
    return 'has a % that is not followed by two hex digits; write it as %25'
  if (user === '') return `names no user; write ${example}`
  const mode = parameters.get('sslmode') ?? 'disable'
  if (!isTlsMode(mode)) return `has an unknown sslmode; write one of ${tlsModes.join(', ')}`
  const connections = Number(parameters.get('connections') ?? connectionsDefault)
  if (!Number.isInteger(connections) || connections < connectionsMin || connections > connectionsMax)
    return `has a wrong number of connections; write a whole number from ${connectionsMin} to ${connectionsMax}`
  const [rootCert, cert, key] = fileParameters.map((name) => parameters.get(name) ?? undefined)
  if (mode === 'disable' && (rootCert ?? cert ?? key) !== undefined)
    return 'names certificates without TLS; add sslmode=verify-full'
  if ((cert === undefined) !== (key === undefined)) return 'needs sslcert and sslkey together'
  return {
    host,
    port: url.port === '' ? 5432 : Number(url.port),
    user,
    password: password === '' ? undefined : password,
    database,
    tls: {
      mode,
      ...(rootCert !== undefined && { rootCert }),
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
    },
    connections,
  }
}

/** The same URL with its files as absolute paths. */
export function resolvePostgresFiles(text: string, inFolder: (file: string) => string): string {
  const url = parse(text)
  if (url === undefined) return text
  let changed = false
  for (const name of fileParameters) {
    const file = url.searchParams.get(name)
    if (file === null) continue
    url.searchParams.set(name, inFolder(file))
    changed = true
  }
  return changed ? url.href : text
}

/** For people: `postgres://user@host:5432/database`, without the password and the parameters. */
export function showPostgresUrl(text: string): string {
  const address = parsePostgresUrl(text)
  return typeof address === 'string' ? 'postgres://…' : showPostgresAddress(address)
}

export function showPostgresAddress({ user, host, port, database }: PostgresAddress): string {
  const where = host.startsWith('/') ? host : `${isIP(host) === 6 ? `[${host}]` : host}:${port}`
  return `postgres://${user}@${where}/${database}`
}

/** A URL with a user must have a host, and `postgres://user@/db?host=/run/postgresql` has none. */
function parse(text: string): URL | undefined {
  if (!isPostgresUrl(text)) return undefined
  return URL.parse(text.replace(withoutHost, 'postgres://$2localhost/')) ?? undefined
}

const withoutHost = /^postgres(ql)?:\/\/([^/?#]*@)?\//

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

const isTlsMode = (text: string): text is PostgresTls['mode'] => (tlsModes as readonly string[]).includes(text)

const tlsModes = ['disable', 'require', 'verify-ca', 'verify-full'] as const
const fileParameters = ['sslrootcert', 'sslcert', 'sslkey'] as const
const known: readonly string[] = ['host', 'sslmode', ...fileParameters, 'connections']
const connectionsMin = 6
const connectionsMax = 200
const connectionsDefault = 10
const example = 'postgres://user:password@host/database'
