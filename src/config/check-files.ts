import { access, constants, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { authoritiesComplaint, certificateComplaint } from './check-certificates.ts'
import { isPostgresUrl, parsePostgresUrl } from './postgres-url.ts'
import type { Finding, Path } from './problems.ts'
import { parseRedisUrl } from './redis-url.ts'
import type { Config } from './schema.ts'

/** Files that the configuration names must be there and readable, and the store must be a place where a file can be. */
export async function checkFiles({ tls, upstreams, store, redis }: Config): Promise<Finding[]> {
  const files: (readonly [path: Path, file: string])[] = []
  const authorities: (readonly [path: Path, file: string])[] = []
  if (tls) files.push([['tls', 'cert'], tls.cert], [['tls', 'key'], tls.key])
  for (const [name, upstream] of Object.entries(upstreams)) {
    if (upstream.tls?.ca !== undefined) authorities.push([['upstreams', name, 'tls', 'ca'], upstream.tls.ca])
  }
  const shared = parseRedisUrl(redis)
  if (typeof shared !== 'string' && shared.ca !== undefined) authorities.push([['redis'], shared.ca])
  const findings = await Promise.all([
    ...files.map(async ([path, file]) => asFinding(path, await fileComplaint(file))),
    ...authorities.map(async ([path, file]) => asFinding(path, await authorityComplaint(file))),
  ])
  findings.push(asFinding(['store'], await storeComplaint(store)))
  const told = findings.filter((finding) => finding !== undefined)
  const unread = told.some(({ path }) => path[0] === 'tls')
  const complaint = tls && !unread ? await certificateComplaint(tls) : undefined
  return complaint ? [...told, { path: ['tls', complaint.file], message: complaint.message }] : told
}

const asFinding = (path: Path, message: string | undefined): Finding | undefined =>
  message === undefined ? undefined : { path, message }

async function fileComplaint(file: string): Promise<string | undefined> {
  try {
    if (!(await stat(file)).isFile()) return `${file} is not a file`
    await access(file, constants.R_OK)
    return undefined
  } catch (error) {
    return isMissing(error)
      ? `there is no file ${file}`
      : `${file} can't be read by this user; change its owner or mode`
  }
}

const authorityComplaint = async (file: string): Promise<string | undefined> =>
  (await fileComplaint(file)) ?? (await authoritiesComplaint(file))

/** The folder of a new store is made when it is opened; here it is enough that nothing else is in its way. */
async function storeComplaint(store: string): Promise<string | undefined> {
  if (isPostgresUrl(store)) {
    const address = parsePostgresUrl(store)
    const { rootCert, cert, key } = typeof address === 'string' ? {} : address.tls
    const complaints = await Promise.all([
      rootCert && authorityComplaint(rootCert),
      ...[cert, key].map(async (file) => file && (await fileComplaint(file))),
    ])
    return complaints.find((complaint) => complaint !== undefined)
  }
  const file = store.slice('sqlite:'.length)
  const there = await stat(file).catch(() => undefined)
  if (there?.isDirectory())
    return `${file} is a folder; write the name of a file in it, for example sqlite:${file}/sallyport.db`
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    const above = await stat(folder).catch(() => undefined)
    if (above && !above.isDirectory()) return `${folder} is a file, so that no folder for the store can be made there`
    if (above || folder === dirname(folder)) return undefined
  }
}

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')
