import { checkOwnPlaces } from './check-overlap.ts'
import { suggest } from './check-scopes.ts'
import { parsePattern } from './pattern.ts'
import { isPostgresUrl, parsePostgresUrl } from './postgres-url.ts'
import type { Finding } from './problems.ts'
import type { Address, Config } from './schema.ts'

/** Addresses, the store, names of headers, the reserved names of limits: what stands outside of routes. */
export function* checkPlanes(config: Config): Generator<Finding> {
  if (clashes(config.listen, config.admin.listen)) {
    yield { path: ['admin', 'listen'], message: 'is the address of listen; the two planes need ports of their own' }
  }
  if (/^sqlite:(:memory:|\s*$|\/$)/.test(config.store)) {
    yield { path: ['store'], message: `"${config.store}" is not a file; write sqlite:path/to/file.db` }
  }
  const wrong = isPostgresUrl(config.store) ? parsePostgresUrl(config.store) : undefined
  // Without the value: there is a password in it.
  if (typeof wrong === 'string') yield { path: ['store'], message: `the URL of the database ${wrong}` }
  for (const name of Object.keys(config.limits)) {
    const owner = limitsOfTheirOwn.get(name)
    if (owner === undefined) continue
    yield {
      path: ['limits', name],
      atKey: true,
      message: `the name ${name} is taken by ${owner}; choose another`,
    }
  }
  for (const [name, { targets }] of Object.entries(config.upstreams)) {
    for (const [index, target] of targets.entries()) {
      if (isOwn(target, config.listen)) {
        yield {
          path: ['upstreams', name, 'targets', index],
          message: `${target} is where the gateway itself listens, so requests would go round for ever; write where the API is`,
        }
      }
    }
  }
  yield* checkOwnPath(['me', 'path'], config.me.path)
  if (config.self_service) yield* checkSelfService(config.self_service, config)
  yield* checkOwnPlaces(config)
  yield* checkHeaderNames(config.context.headers)
}

function* checkSelfService(
  { path, limits }: Exclude<Config['self_service'], false>,
  config: Config,
): Generator<Finding> {
  yield* checkOwnPath(['self_service', 'path'], path)
  if (path === '/')
    yield { path: ['self_service', 'path'], message: '"/" would stand for every path; name one below it' }
  for (const [index, name] of limits.entries()) {
    if (Object.hasOwn(config.limits, name)) continue
    const declared = new Set(Object.keys(config.limits))
    yield {
      path: ['self_service', 'limits', index],
      message: `"${name}" is not a limit; ${suggest(name, declared, 'declare it under limits')}`,
    }
  }
}

function* checkOwnPath(place: readonly string[], path: string): Generator<Finding> {
  const pattern = parsePattern(path)
  const complaint =
    typeof pattern === 'string'
      ? pattern
      : pattern.wildcard || pattern.parameters.length > 0
        ? 'must be one plain path, without parameters and *'
        : pattern.text === path
          ? undefined
          : `must be written as it is sent: ${pattern.text}`
  if (complaint) yield { path: [...place], message: `${JSON.stringify(path)} ${complaint}` }
}

function* checkHeaderNames(headers: Config['context']['headers']): Generator<Finding> {
  const seen = new Map<string, string>()
  for (const [key, name] of Object.entries(headers)) {
    if (name === undefined) continue
    const path = ['context', 'headers', key]
    const folded = name.toLowerCase().replace(/[^a-z0-9]/g, '-')
    const other = seen.get(folded)
    seen.set(folded, key)
    if (other !== undefined)
      yield {
        path,
        message: `${name} is taken by ${other}: names that differ only in case, - _ and . are the same to many servers`,
      }
    if (reserved.test(folded))
      yield {
        path,
        message: `${name} has a meaning of its own in HTTP; choose another name, for example X-${key.replace(/_/g, '-')}`,
      }
  }
}

const limitsOfTheirOwn = new Map([
  ['key', 'the limits that keys have of their own'],
  ['org', 'the limits that organizations have of their own'],
  ['denials', 'the limit of the same name at the top'],
])

const reserved =
  /^(host|connection|keep-alive|te|trailer|upgrade|transfer-encoding|content-.*|expect|authorization|proxy-.*|cookie|forwarded|x-forwarded-.*|x-request-id|sallyport-context|traceparent|tracestate)$/

function clashes(one: Address, other: Address): boolean {
  return (
    one.port !== 0 &&
    one.port === other.port &&
    (one.host === other.host || anyHost.has(one.host) || anyHost.has(other.host))
  )
}

const anyHost = new Set(['0.0.0.0', '::'])

function isOwn(target: string, { host, port }: Address): boolean {
  const url = new URL(target)
  const targetHost = url.hostname.replace(/^\[|\]$/g, '')
  const local = targetHost === 'localhost' || targetHost.startsWith('127.') || targetHost === '::1'
  return (
    port !== 0 &&
    Number(url.port || (url.protocol === 'http:' ? 80 : 443)) === port &&
    (targetHost === host || (local && (anyHost.has(host) || host === 'localhost' || host.startsWith('127.'))))
  )
}
