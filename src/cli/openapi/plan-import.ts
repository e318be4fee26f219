import { method as methodSchema } from '../../config/values.ts'
import { Failure } from '../failure.ts'
import type { Rule } from './demand.ts'
import type { OpenApiDocument } from './document.ts'
import { header, refuseOther } from './header.ts'
import { type AddedSettings, addedKey, type GatewayFile, merge, type OwnRoute } from './merge.ts'
import { type OperationsOptions, readOperations } from './operations.ts'
import { layOut } from './places.ts'
import { comment, type ImportedRoute, quoted, routeFields, toRoutes } from './route-lines.ts'
import { nameScopes } from './scope-names.ts'

export interface ImportOptions extends OperationsOptions {
  /** An origin, or the name of an upstream in the file. */
  readonly upstream?: string | undefined
}

export interface ImportPlan {
  /** The whole of gateway.yaml. */
  readonly text: string
  readonly routes: number
  readonly scopes: number
  readonly public: number
  readonly denied: number
  /** What a person should know of it. */
  readonly notes: readonly string[]
}

/**
 * Works out what gateway.yaml will be. The same document and file give the same text, letter for letter; never does a route
 * let more through than the document.
 * @throws Failure when it can't be done; nothing was written then.
 */
export function planImport(document: OpenApiDocument, file: GatewayFile, options: ImportOptions): ImportPlan {
  refuseOther(file, document)
  const { paths, descriptions, notes: found } = readOperations(document, options)
  const notes = [...found]
  const { judged, unreachable } = layOut(paths, knownMethods)
  for (const [{ method, path }, why] of unreachable) notes.push(`${method} ${path}: left out: ${why}`)
  const routes = toRoutes(judged).flatMap((route) => yieldTo(file, route, notes))
  if (routes.length === 0) throw new Failure('the document has no operation that could be imported')

  const used = [...new Set(routes.flatMap(({ rule }) => scopesOf(rule)))].sort()
  // Of those that no operation asks for too: one that is used later must not take the name of another.
  const names = nameScopes([...descriptions.keys(), ...used], file.ownScopes)
  const nameOf = (scope: string): string => names.get(scope) ?? scope
  const shared = used.filter((scope) => file.ownScopes.has(nameOf(scope)))
  if (shared.length > 0) notes.push(`scopes that the file has already are taken for the same: ${shared.join(', ')}`)
  const upstream = upstreamOf(file, options.upstream)
  const split = routes.flatMap((route) => splitByAdded(file, route, notes))
  tellOfDenied(split, notes)
  for (const { path } of file.ownRoutes.filter(({ wildcard, deny }) => wildcard && !deny)) {
    notes.push(`your route ${path} also lets through what the document does not have`)
  }

  const lines = {
    upstreams: upstream.lines,
    scopes: used.flatMap((scope) => {
      const name = nameOf(scope)
      if (file.ownScopes.has(name)) return []
      const said = descriptions.get(scope) || 'The document does not describe it'
      return [`${name}: ${quoted(said)}${name === scope ? '' : ` ${comment(`${scope} in the document`)}`}`]
    }),
    routes: [comment(header(document)), ...split.flatMap((route) => routeLines(route, nameOf, upstream, options))],
  }
  return {
    text: merge(file, lines),
    ...{ routes: split.length, scopes: used.length, notes },
    public: split.filter(({ rule }) => 'public' in rule).length,
    denied: split.filter(({ rule }) => 'deny' in rule).length,
  }
}

const scopesOf = (rule: Rule): readonly string[] => ('scopes' in rule ? [...rule.scopes, ...rule.anyScope] : [])

/** A route of somebody's own wins, whether it lets more through or less. */
function yieldTo({ ownRoutes }: GatewayFile, route: ImportedRoute, notes: string[]): ImportedRoute[] {
  const taken = (method: string): OwnRoute | undefined =>
    ownRoutes.find(
      (own) =>
        own.shape === route.shape &&
        (own.methods === undefined ||
          own.methods.includes(method) ||
          (method === 'HEAD' && own.methods.includes('GET')) ||
          (method === 'GET' && own.methods.includes('HEAD'))),
    )
  if (route.methods === undefined) return ownRoutes.some(({ shape }) => shape === route.shape) ? [] : [route]
  const left = route.methods.filter((method) => {
    const own = taken(method)
    if (own !== undefined) notes.push(`${method} ${route.path}: left to your own route ${own.path}`)
    return own === undefined
  })
  return left.length === 0 ? [] : [{ ...route, methods: left }]
}

interface RouteWithSettings extends ImportedRoute {
  readonly added: AddedSettings | undefined
}

/** Methods of one route to which different settings were added become routes of their own. */
function splitByAdded({ added }: GatewayFile, route: ImportedRoute, notes: string[]): RouteWithSettings[] {
  if (route.methods === undefined) return [{ ...route, added: added.get(addedKey(route.shape, undefined)) }]
  const settingsOf = (method: string): AddedSettings | undefined => added.get(addedKey(route.shape, method))
  if (!('deny' in route.rule)) {
    for (const method of route.methods) {
      if (settingsOf(method)?.denied) notes.push(`${method} ${route.path}: was denied, and is not any more`)
    }
  }
  const groups = Map.groupBy(route.methods, (method) => {
    const settings = settingsOf(method)
    return settings === undefined ? '' : JSON.stringify([settings.upstream, settings.lines])
  })
  return [...groups.values()].map((methods) => ({ ...route, methods, added: settingsOf(methods[0] ?? '') }))
}

function tellOfDenied(routes: readonly RouteWithSettings[], notes: string[]): void {
  for (const { path, methods, rule } of routes) {
    if (!('deny' in rule) || methods === undefined) continue
    notes.push(`${methods.join(', ')} ${path}: nobody may call it: ${rule.why}. Write a route of your own for it`)
  }
}

interface UpstreamChoice {
  readonly name: string
  readonly lines: readonly string[]
}

/** The one that an import before has made, the one that is named, the one that has the target, the only one there is, or a new one. */
function upstreamOf({ ownUpstreams, importedUpstream }: GatewayFile, wanted: string | undefined): UpstreamChoice {
  const names = [...ownUpstreams.keys()]
  if (wanted === undefined) {
    if (importedUpstream !== undefined) return importedUpstream
    const [only] = names
    if (only !== undefined && names.length === 1) return { name: only, lines: [] }
    if (only !== undefined)
      throw new Failure(`the file has the upstreams ${names.join(', ')}; name one with --upstream`)
    return { name: 'api', lines: [`api: { targets: ["${placeholder}"] }`] }
  }
  if (ownUpstreams.has(wanted)) return { name: wanted, lines: [] }
  const origin = originOf(wanted)
  if (origin === undefined) {
    const known = names.length === 0 ? '' : `, or one of ${names.join(', ')}`
    throw new Failure(`--upstream must be an origin without path, for example http://127.0.0.1:9000${known}`)
  }
  for (const [name, value] of ownUpstreams) {
    if (JSON.stringify(value)?.includes(JSON.stringify(origin))) return { name, lines: [] }
  }
  let name = 'api'
  for (let number = 2; ownUpstreams.has(name); number++) name = `api-${number}`
  return { name, lines: [`${name}: { targets: [${quoted(origin)}] }`] }
}

function originOf(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol)) return undefined
  return url.pathname === '/' && !url.search && !url.hash && !url.username && !url.password ? url.origin : undefined
}

function routeLines(
  route: RouteWithSettings,
  nameOf: (scope: string) => string,
  { name }: UpstreamChoice,
  { upstream: chosen }: ImportOptions,
): string[] {
  const fields = [...routeFields(route, nameOf)]
  if (!('deny' in route.rule)) fields.push(['upstream', (chosen === undefined && route.added?.upstream) || name])
  const comments = [...new Set(route.comments)].map(comment)
  const settings = route.added?.lines ?? []
  if (settings.length === 0) {
    return [...comments, `- { ${fields.map(([key, value]) => `${key}: ${value}`).join(', ')} }`]
  }
  const lines = [...fields.map(([key, value]) => `${key}: ${value}`), ...settings]
  return [...comments, ...lines.map((line, index) => (index === 0 ? `- ${line}` : `  ${line}`))]
}

const knownMethods: ReadonlySet<string> = new Set(methodSchema().options)
export const placeholder = 'http://127.0.0.1:9000'
