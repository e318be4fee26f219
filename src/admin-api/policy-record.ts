import { basename } from 'node:path'
import { z } from 'zod'
import { formatDuration } from '../config/duration.ts'
import type { LoadedConfig } from '../config/load.ts'
import { formatPath, type Path } from '../config/problems.ts'
import type { RouteConfig } from '../config/schema.ts'
import type { PolicyContext } from './policy-context.ts'
import { policyProblem } from './policy-validate.ts'
import { time } from './schemas.ts'

/** A number of the file; its text where it comes from the environment, whose values are not shown. */
const number = z.union([z.int(), z.string()])
const names = z.array(z.string())

export const policyProblemShape = z
  .object({
    line: z.int().nullable().describe('From 1; null where it is about the file as a whole.'),
    column: z.int().nullable(),
    path: z.string().describe('For example routes[3].path.'),
    message: z.string(),
  })
  .meta({ id: 'PolicyProblem' })

const route = z
  .object({
    path: z.string(),
    host: z.string().nullable(),
    methods: names.nullable().describe('Null: all.'),
    public: z.boolean(),
    deny: z.boolean(),
    shadow: z.boolean().describe('Its denials are in the request log as shadow_code.'),
    scopes: names.describe('All of these.'),
    any_scope: names.describe('One of these.'),
    workspace: z.string().nullable(),
    limits: names,
    cost: number,
    upstream: z.string().nullable(),
    strip_prefix: z.string().nullable(),
    rewrite: z.string().nullable(),
    body_limit: number.nullable().describe('In bytes; null: the global one.'),
    forward_authorization: z.boolean(),
  })
  .meta({ id: 'PolicyRoute' })

export const scopeShape = z.object({ name: z.string(), description: z.string() })

export const upstreamShape = z.object({
  name: z.string(),
  targets: z.array(z.object({ url: z.string(), up: z.boolean() })),
  health_check: z.boolean().describe('Whether targets are asked how they are, besides by requests.'),
})

export const lastReloadShape = z
  .object({ at: time, result: z.enum(['accepted', 'rejected']), problems: z.array(policyProblemShape) })
  .nullable()
  .describe('Null until the first one. One that was rejected has changed nothing.')

export const policy = z
  .object({
    version: z.string().describe('Of the text as it is shown.'),
    since: time.describe('When it came into force.'),
    file: z.string().nullable().describe('Its name without folder; null when the gateway was started without one.'),
    yaml: z
      .string()
      .describe('As in the file, with [secret] in the place of secrets. Variables stand as they are written.'),
    routes: z.array(route),
    scopes: z.array(scopeShape),
    limits: z.array(z.object({ name: z.string(), by: names, requests: number, per: z.string() })),
    upstreams: z.array(upstreamShape),
    last_reload: lastReloadShape,
  })
  .meta({ id: 'PolicyRecord' })

type PolicyRecord = z.input<typeof policy>

/** What is in force. Values from the environment are shown as they stand in the file: `${NAME}`. */
export function policyRecord(context: PolicyContext): PolicyRecord {
  const { version, since, loaded } = context.inForce()
  return {
    version,
    since: isoTime(since),
    file: context.hasFile ? basename(loaded.file) : null,
    yaml: loaded.shown,
    ...tablesOf(loaded),
    scopes: scopeRecords(loaded),
    upstreams: upstreamRecords(context),
    last_reload: lastReloadRecord(context),
  }
}

/** The scopes that are declared, in their order. */
export const scopeRecords = (loaded: LoadedConfig) =>
  Object.entries(loaded.config.scopes).map(([name, description]) => ({
    ...{ name, description: written(loaded, ['scopes', name]) ?? description },
  }))

/** The upstreams, and which of their targets are sent requests. */
export function upstreamRecords(context: Pick<PolicyContext, 'inForce' | 'targetsUp'>) {
  const { loaded } = context.inForce()
  const targetsUp = context.targetsUp(loaded.config.upstreams)
  return Object.entries(loaded.config.upstreams).map(([name, { targets, health }]) => ({
    name,
    targets: targets.map((url, index) => ({
      url: written(loaded, ['upstreams', name, 'targets', index]) ?? url,
      up: targetsUp.get(name)?.[index] ?? true,
    })),
    health_check: health !== undefined,
  }))
}

export function lastReloadRecord(context: Pick<PolicyContext, 'last'>): z.input<typeof lastReloadShape> {
  const last = context.last()
  return last ? { at: isoTime(last.at), result: last.result, problems: last.problems.map(policyProblem) } : null
}

/** What stands in the file where a value came from the environment. Most files have none: no path to put together then. */
const written = (loaded: LoadedConfig, path: Path): string | undefined =>
  loaded.written.size === 0 ? undefined : loaded.written.get(formatPath(path))

function tablesOf(loaded: LoadedConfig) {
  const { config } = loaded
  const text = (value: string, ...path: (string | number)[]): string => written(loaded, path) ?? value
  const texts = (values: readonly string[], ...path: (string | number)[]): string[] => {
    const whole = written(loaded, path)
    return whole === undefined ? values.map((value, index) => text(value, ...path, index)) : [whole]
  }
  const amount = (value: number, ...path: (string | number)[]): number | string => written(loaded, path) ?? value
  return {
    routes: config.routes.map((route, index) => {
      const at = (field: keyof RouteConfig) => ['routes', index, field] as const
      const optional = (field: 'host' | 'workspace' | 'upstream' | 'strip_prefix' | 'rewrite'): string | null => {
        const value = route[field]
        return value === undefined ? null : text(value, ...at(field))
      }
      return {
        path: text(route.path, ...at('path')),
        host: optional('host'),
        methods: route.methods === undefined ? null : texts(route.methods, ...at('methods')),
        public: route.public === true,
        deny: route.deny === true,
        shadow: route.shadow,
        scopes: texts(route.scopes ?? [], ...at('scopes')),
        any_scope: texts(route.any_scope ?? [], ...at('any_scope')),
        workspace: optional('workspace'),
        limits: texts(route.limits, ...at('limits')),
        cost: amount(route.cost, ...at('cost')),
        upstream: optional('upstream'),
        strip_prefix: optional('strip_prefix'),
        rewrite: optional('rewrite'),
        body_limit: route.body_limit === undefined ? null : amount(route.body_limit, ...at('body_limit')),
        forward_authorization: route.forward_authorization,
      }
    }),
    limits: Object.entries(config.limits).map(([name, { by, requests, per }]) => ({
      name,
      by: texts(by, 'limits', name, 'by'),
      requests: amount(requests, 'limits', name, 'requests'),
      per: text(formatDuration(per), 'limits', name, 'per'),
    })),
  }
}

const isoTime = (ms: number): string => new Date(ms).toISOString()
