/** What `redis` in gateway.yaml names. */
export interface RedisAddress {
  readonly kind: 'single' | 'socket' | 'sentinel' | 'cluster'
  /** One server, or some of the sentinels or cluster nodes; empty for a socket. */
  readonly hosts: readonly { readonly host: string; readonly port: number }[]
  /** The Unix socket, or the name under which the sentinels know the primary. */
  readonly name: string
  readonly username: string | undefined
  readonly password: string | undefined
  /** What the sentinels themselves ask for. */
  readonly sentinelPassword: string | undefined
  readonly db: number
  readonly tls: boolean
  /** PEM file of the authority to trust. */
  readonly ca: string | undefined
  /** What every key and channel begins with. */
  readonly prefix: string
}

/**
 * `redis://user:pass@host:6379/0`, `rediss://…` with TLS, `redis+sentinel://host1,host2:26379/name/0`,
 * `redis+cluster://host1,host2`, `redis+unix:///run/redis.sock`; `?prefix=…`, `?ca=FILE`, `?db=…`, `?sentinel_password=…`.
 * The platform's URL parser takes no list of hosts.
 * @returns a complaint that goes on from what was found, when it is none of these.
 */
export function parseRedisUrl(text: string): RedisAddress | string {
  const [, secure, plus, user, hostList = '', path = '', query = ''] = form.exec(text) ?? []
  if (hostList === '' && plus !== 'unix') return notRedisUrl
  const kind = kinds[plus ?? 'single']
  if (kind === undefined) return notRedisUrl

  const options = new URLSearchParams(query)
  for (const option of options.keys()) {
    if (!known.has(option)) return `has the option ${option}, which is none of ${[...known].join(', ')}`
  }
  const prefix = options.get('prefix') ?? 'sallyport'
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(prefix))
    return 'has a prefix with other characters than letters, digits, . _ and -'

  const parts = path.split('/').slice(1).filter(Boolean)
  const name = kind === 'sentinel' ? (parts.shift() ?? '') : kind === 'socket' ? path : ''
  // A cluster has one database, and a socket leaves no room in the path for it.
  const db = kind === 'single' || kind === 'sentinel' ? parts.shift() : undefined
  if (kind !== 'socket' && parts.length > 0) return 'has a path that goes on where nothing can follow'
  if (kind === 'sentinel' && name === '')
    return 'lacks the name of the primary; write redis+sentinel://host1,host2/NAME'
  if (kind === 'socket' && name.length < 2) return 'lacks the path of the socket; write redis+unix:///run/redis.sock'
  const dbText = db ?? options.get('db') ?? '0'
  if (!/^\d{1,5}$/.test(dbText)) return 'has a database that is no number; write for example redis://host:6379/0'

  const hosts = kind === 'socket' ? [] : hostList.split(',').map((host) => parseHost(host, kind))
  const login = parseLogin(user)
  const severalInOne = kind === 'single' && hosts.length > 1
  if (login === undefined || severalInOne || hosts.includes(undefined)) return notRedisUrl
  return {
    kind,
    hosts: hosts.filter((host) => host !== undefined),
    name,
    ...login,
    sentinelPassword: options.get('sentinel_password') ?? undefined,
    db: Number(dbText),
    tls: secure === 's',
    ca: options.get('ca') ?? undefined,
    prefix,
  }
}

/** The same URL, with the files that it names made absolute. */
export function resolveRedisFiles(text: string, inFolder: (file: string) => string): string {
  return text.replace(/([?&]ca=)([^&]+)/, (_, before, file) => {
    return `${before}${encodeURIComponent(inFolder(decodeURIComponent(file)))}`
  })
}

const form = /^redis(s?)(?:\+(sentinel|cluster|unix))?:\/\/(?:([^@/?]*)@)?([^/?#@]*)(\/[^?#]*)?(?:\?([^#]*))?$/
const kinds: Readonly<Record<string, RedisAddress['kind']>> = {
  single: 'single',
  unix: 'socket',
  sentinel: 'sentinel',
  cluster: 'cluster',
}
const known = new Set(['prefix', 'ca', 'db', 'sentinel_password'])
export const notRedisUrl =
  'is not a Redis URL; write redis://host:6379/0, rediss:// for TLS, redis+sentinel://host1,host2/name or redis+cluster://host1,host2'

function parseHost(text: string, kind: RedisAddress['kind']): { host: string; port: number } | undefined {
  const [, bracketed, plain, port] = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+))(?::(\d{1,5}))?$/.exec(text) ?? []
  const host = bracketed ?? plain
  const number = Number(port ?? (kind === 'sentinel' ? 26_379 : 6379))
  return host === undefined || number > 65_535 ? undefined : { host, port: number }
}

function parseLogin(user: string | undefined): Login | undefined {
  if (user === undefined) return { username: undefined, password: undefined }
  const colon = user.indexOf(':')
  try {
    const username = decodeURIComponent(colon === -1 ? user : user.slice(0, colon))
    const password = colon === -1 ? undefined : decodeURIComponent(user.slice(colon + 1))
    return { username: username === '' ? undefined : username, password }
  } catch {
    return undefined
  }
}

type Login = Pick<RedisAddress, 'username' | 'password'>
