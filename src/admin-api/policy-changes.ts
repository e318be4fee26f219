import { compilePattern } from '../config/pattern.ts'
import type { Config, RouteConfig } from '../config/schema.ts'

/** What would become different. Names and places alone: both texts are at hand for who wants to see more. */
export interface PolicyChanges {
  readonly routes: {
    readonly added: readonly RoutePlace[]
    readonly removed: readonly RoutePlace[]
    readonly changed: readonly (RoutePlace & { readonly fields: readonly string[] })[]
  }
  readonly scopes: NameChanges
  readonly limits: NameChanges
  readonly upstreams: NameChanges
  /** Other settings, by their path. */
  readonly settings: readonly { readonly path: string; readonly needs_restart: boolean }[]
  /** How many are left out of lists that are longer than is any use. */
  readonly left_out: number
}

export interface RoutePlace {
  readonly host: string | null
  readonly path: string
  /** Null: all. */
  readonly methods: readonly string[] | null
}

export interface NameChanges {
  readonly added: readonly string[]
  readonly removed: readonly string[]
  readonly changed: readonly string[]
}

/** @param hide takes out of a text what came from the environment. */
export function changesBetween(before: Config, after: Config, hide: (text: string) => string): PolicyChanges {
  let leftOut = 0
  const bounded = <T>(list: readonly T[]): readonly T[] => {
    leftOut += Math.max(0, list.length - listMax)
    return list.slice(0, listMax)
  }
  const names = (one: Readonly<Record<string, unknown>>, other: Readonly<Record<string, unknown>>): NameChanges => ({
    added: bounded(Object.keys(other).filter((name) => !Object.hasOwn(one, name))),
    removed: bounded(Object.keys(one).filter((name) => !Object.hasOwn(other, name))),
    changed: bounded(Object.keys(one).filter((name) => Object.hasOwn(other, name) && !same(one[name], other[name]))),
  })
  const place = ({ host, path, methods }: RouteConfig): RoutePlace => ({
    ...{ host: host === undefined ? null : hide(host), path: hide(path), methods: methods ?? null },
  })

  const old = new Map(before.routes.map((route) => [placeOf(route), route]))
  const fresh = new Map(after.routes.map((route) => [placeOf(route), route]))
  const changed: (RoutePlace & { fields: readonly string[] })[] = []
  for (const [id, route] of fresh) {
    const was = old.get(id)
    const fields = was === undefined ? [] : fieldsThatDiffer(was, route)
    if (fields.length > 0) changed.push({ ...place(route), fields })
  }
  const changes = {
    routes: {
      added: bounded([...fresh].filter(([id]) => !old.has(id)).map(([, route]) => place(route))),
      removed: bounded([...old].filter(([id]) => !fresh.has(id)).map(([, route]) => place(route))),
      changed: bounded(changed),
    },
    scopes: names(before.scopes, after.scopes),
    limits: names(before.limits, after.limits),
    upstreams: names(before.upstreams, after.upstreams),
    settings: bounded(settingsThatDiffer(before, after)),
  }
  return { ...changes, left_out: leftOut }
}

const listMax = 500

/** Names of parameters are no part of it: the route judges the same requests. */
const placeOf = ({ host, path, methods }: RouteConfig): string =>
  JSON.stringify([host, compilePattern(path).shape, methods === undefined ? null : [...methods].sort()])

const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other)

function fieldsThatDiffer(one: RouteConfig, other: RouteConfig): string[] {
  const was: Readonly<Record<string, unknown>> = one
  const is: Readonly<Record<string, unknown>> = other
  const fields = new Set([...Object.keys(was), ...Object.keys(is)])
  return [...fields].filter((field) => field !== 'methods' && !same(was[field], is[field]))
}

function settingsThatDiffer(before: Config, after: Config): { path: string; needs_restart: boolean }[] {
  const was = flatten(before)
  const is = flatten(after)
  return [...new Set([...was.keys(), ...is.keys()])]
    .filter((path) => was.get(path) !== is.get(path))
    .map((path) => ({ path, needs_restart: atStart.some((start) => path === start || path.startsWith(`${start}.`)) }))
}

/** Settings down to the second level, which are those that the reference has a heading or a line for. */
function flatten(config: Config): Map<string, string> {
  const found = new Map<string, string>()
  for (const [name, value] of Object.entries(config)) {
    if (listed.has(name)) continue
    if (typeof value !== 'object' || value === null || Array.isArray(value)) found.set(name, JSON.stringify(value))
    else for (const [below, inner] of Object.entries(value)) found.set(`${name}.${below}`, JSON.stringify(inner))
  }
  return found
}

const listed: ReadonlySet<string> = new Set(['routes', 'scopes', 'limits', 'upstreams'])

/** Read once, when the gateway starts. */
const atStart = [
  ...['listen', 'store', 'tls', 'log', 'admin.listen', 'keys.cache', 'timeouts.head', 'timeouts.keep_alive'],
  ...['audit.durability', 'audit.queue', 'audit.checkpoints'],
]
