import { z } from 'zod'
import { isCidr } from './cidr.ts'

/**
 * The one schema of gateway.yaml. Types, validation, defaults, gateway.schema.json and docs/reference/configuration.md
 * all come from it. What one value alone can tell is checked here; what needs two (a route's scope and the table of
 * scopes) is in check.ts.
 */

const durationUnits = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const sizeUnits = { b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3 } as const

/** `500ms`, `30s`, `5m`, `1h`, `30d` → milliseconds. */
const duration = z
  .string()
  .regex(/^\d{1,9}(ms|s|m|h|d)$/, 'is not a duration; write a number and a unit: 500ms, 30s, 5m, 1h or 30d')
  .transform(
    (text) => Number.parseInt(text, 10) * durationUnits[text.replace(/^\d+/, '') as keyof typeof durationUnits],
  )

/** `64kb`, `10mb`, `1gb` → bytes. */
const size = z
  .string()
  .regex(/^\d{1,9}(b|kb|mb|gb)$/i, 'is not a size; write a number and a unit: 512b, 64kb, 10mb or 1gb')
  .transform(
    (text) => Number.parseInt(text, 10) * sizeUnits[text.replace(/^\d+/, '').toLowerCase() as keyof typeof sizeUnits],
  )

const positiveDuration = duration.refine((ms) => ms > 0, 'must be longer than 0')

/** `127.0.0.1:8080`, `[::1]:8080`, `:8080` (every interface), port 0 for any free one. */
const address = z
  .string()
  .regex(
    /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]*):\d{1,5}$/,
    'is not an address; write host:port, for example 127.0.0.1:8080',
  )
  .transform((text) => {
    const colon = text.lastIndexOf(':')
    return { host: text.slice(0, colon).replace(/^\[|\]$/g, '') || '0.0.0.0', port: Number(text.slice(colon + 1)) }
  })
  .refine(({ port }) => port <= 65535, 'has a port above 65535')

const cidr = z
  .string()
  .refine(
    (text) => isCidr(text),
    'is not an address or CIDR; write for example 10.0.0.0/8, 203.0.113.7 or 2001:db8::/32',
  )

const headerName = z.string().regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$/, 'is not a header name')
const slug = /^[a-z][a-z0-9_-]{0,62}$/
const name = (what: string) =>
  z.string().regex(slug, `is not a ${what} name; use lower-case letters, digits, - and _, starting with a letter`)

/** `projects:read`: parts of lower-case letters, digits, `_`, `.`, `-`, joined by colons. */
export const scopeName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_.-]*(:[a-z0-9][a-z0-9_.-]*)*$/i, 'is not a scope name; write for example projects:read')
/** A declared name, `*` or `x:*`. */
export const grantableScope = z
  .string()
  .regex(
    /^(\*|[a-z0-9][a-z0-9_.-]*(:[a-z0-9][a-z0-9_.-]*)*(:\*)?)$/i,
    'is not a scope; write a declared name, * or for example projects:*',
  )

const methods = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'PROPFIND',
  'PROPPATCH',
  'MKCOL',
  'COPY',
  'MOVE',
  'LOCK',
  'UNLOCK',
  'REPORT',
  'SEARCH',
  'QUERY',
  'PURGE',
  'LINK',
  'UNLINK',
  'MKCALENDAR',
  'ACL',
  'BIND',
  'REBIND',
  'UNBIND',
  'CHECKOUT',
  'MERGE',
  'MKACTIVITY',
  'M-SEARCH',
  'NOTIFY',
  'SUBSCRIBE',
  'UNSUBSCRIBE',
] as const
const method = z.enum(methods)

const cors = z
  .strictObject({
    origins: z
      .array(
        z.union([
          z.literal('*'),
          z.string().regex(/^https?:\/\/[^/*?#\s]+$/, 'is not an origin; write for example https://app.example.com'),
        ]),
      )
      .min(1)
      .describe('Origins that browsers may call from; "*" for any.'),
    methods: z.array(method).min(1).default(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']),
    headers: z.array(headerName).default(['Authorization', 'Content-Type']),
    expose: z.array(headerName).default(['X-Request-Id', 'RateLimit', 'RateLimit-Policy', 'Retry-After']),
    credentials: z.boolean().default(false),
    max_age: duration.default(600_000),
  })
  .refine((cors) => !(cors.credentials && cors.origins.includes('*')), {
    path: ['credentials'],
    message: 'cannot be true while origins holds "*"; name the origins',
  })

const limit = z.strictObject({
  by: z
    .union([z.enum(['key', 'org', 'ip', 'route']), z.array(z.enum(['key', 'org', 'ip', 'route'])).min(1)])
    .transform((by) => (typeof by === 'string' ? [by] : by))
    .describe(
      'What is counted apart: each key, each organization, each client address, each route, or a list of these.',
    ),
  requests: z
    .number()
    .int()
    .min(1)
    .max(1_000_000_000)
    .describe('How many requests (or tokens, see cost) fit in one window.'),
  per: positiveDuration.describe('Length of the window, which starts with the first charged request.'),
})

const plainLimit = (requests: number, per: number) =>
  z
    .strictObject({ requests: z.number().int().min(1).default(requests), per: positiveDuration.default(per) })
    .prefault({})

const upstream = z.strictObject({
  targets: z
    .array(
      z
        .string()
        .regex(
          /^https?:\/\/(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+)(:\d{1,5})?\/?$/,
          'is not an origin; write for example http://127.0.0.1:9000, without path or credentials',
        ),
    )
    .min(1)
    .describe('Origins of the API. With several, the one with the least requests in flight is taken.'),
  connect_timeout: positiveDuration.default(2000),
  response_timeout: positiveDuration.default(30_000).describe('To the head of the response.'),
  idle_timeout: positiveDuration.default(60_000).describe('Longest silence inside a body or a tunnel.'),
  max_connections: z
    .number()
    .int()
    .min(1)
    .max(65_535)
    .default(1024)
    .describe('Connections to each target; beyond it requests are answered 503 OVERLOADED.'),
  preserve_host: z.boolean().default(false).describe('Send the caller’s Host instead of the target’s.'),
  tls: z
    .strictObject({
      ca: z.string().optional().describe('PEM file of the authority to trust.'),
      server_name: z.string().optional(),
    })
    .optional(),
  health: z
    .strictObject({
      path: z.string().startsWith('/', 'must start with /'),
      every: positiveDuration.default(5000),
      timeout: positiveDuration.default(2000),
    })
    .optional()
    .describe('Active check: a target that fails it gets no requests until it answers 2xx again.'),
})

const route = z.strictObject({
  path: z
    .string()
    .startsWith('/', 'must start with /')
    .describe('Segments are literal, :name for exactly one, or a final * for the prefix and all below it.'),
  host: z
    .string()
    .regex(/^[A-Za-z0-9.-]+(:\d{1,5})?$/, 'is not a host name')
    .transform((host) => host.toLowerCase())
    .optional(),
  methods: z.array(method).min(1).optional().describe('All when left out. GET includes HEAD.'),
  scopes: z.array(scopeName).min(1).optional().describe('The key needs all of these.'),
  any_scope: z.array(scopeName).min(1).optional().describe('The key needs one of these.'),
  limits: z.array(z.string()).default([]),
  cost: z.number().int().min(1).default(1).describe('Tokens that a request takes from each limit.'),
  workspace: z
    .string()
    .regex(/^:[A-Za-z_][A-Za-z0-9_]*$/, 'must name a parameter of the path, for example ":project_id"')
    .optional(),
  upstream: z.string().optional(),
  deny: z.literal(true).optional().describe('No key may pass, whatever its scopes.'),
  public: z.literal(true).optional().describe('No key is asked for, and none is looked at.'),
  strip_prefix: z.string().startsWith('/', 'must start with /').optional(),
  rewrite: z
    .string()
    .startsWith('/', 'must start with /')
    .optional()
    .describe('The path sent upstream; may use the parameters of path, and a final *.'),
  shadow: z.boolean().default(false).describe('Denials by scope and limit are recorded and counted, not enforced.'),
  forward_authorization: z.boolean().default(false),
  body_limit: size.optional(),
  cors: cors.optional(),
})

const contextNames = z.strictObject({
  org_id: headerName.optional(),
  org_name: headerName.optional(),
  key_id: headerName.optional(),
  key_name: headerName.optional(),
  key_scopes: headerName.optional(),
  key_environment: headerName.optional(),
  workspace_id: headerName.optional(),
  service_account_id: headerName.optional(),
})

const policyTest = z.strictObject({
  request: z.string().regex(/^[A-Z-]+ \/\S*$/, 'must be a method and a path, for example "GET /v1/projects"'),
  host: z.string().optional(),
  scopes: z.array(grantableScope).optional().describe('Scopes of the key; left out: no key is sent.'),
  workspaces: z.array(z.string()).default([]),
  ip: z.string().optional(),
  expect: z.union([z.enum(['allow', 'deny']), z.string().regex(/^[A-Z_]+$/, 'must be allow, deny or an error code')]),
})

export const configSchema = z.strictObject({
  listen: address.prefault('0.0.0.0:8080').describe('Where callers come in.'),
  admin: z
    .strictObject({
      listen: address.prefault('127.0.0.1:9090').describe('Health, metrics and administration. Keep it private.'),
    })
    .prefault({}),
  store: z
    .string()
    .regex(/^sqlite:.+/, 'is not a store; write sqlite:path/to/file.db')
    .default('sqlite:data/sallyport.db'),
  redis: z.literal('', 'is not supported by this version: leave it empty, limits are kept in memory').default(''),
  workers: z.union([z.literal('auto'), z.literal(1)], 'must be 1 or auto, which is 1 in this version').default(1),
  trust_proxy: z.array(cidr).default([]).describe('Proxies in front whose X-Forwarded-* headers are believed.'),
  tls: z
    .strictObject({ cert: z.string(), key: z.string() })
    .optional()
    .describe('PEM files; with them the data plane speaks HTTPS.'),

  keys: z
    .strictObject({
      prefix: z
        .string()
        .regex(/^[a-z][a-z0-9]{0,15}$/, 'must be 1 to 16 lower-case letters and digits, starting with a letter')
        .default('sk'),
      environments: z
        .array(z.string().regex(/^[a-z][a-z0-9]{0,15}$/, 'must be 1 to 16 lower-case letters and digits'))
        .default(['live', 'test']),
      default_scopes: z
        .array(grantableScope)
        .default(['*'])
        .describe('What a key gets when its creator names none; [] makes the creator choose.'),
      accept: z
        .array(
          z.strictObject({
            prefix: z.string().regex(/^[A-Za-z0-9_.-]{1,32}$/, 'must be 1 to 32 letters, digits, _ . or -'),
            length: z.number().int().min(20).max(256),
          }),
        )
        .default([])
        .describe('Further formats that are looked up without checksum: imported keys, earlier prefixes.'),
      revoke_exposed: z.boolean().default(false).describe('Revoke a live key that was sent in a URL.'),
      cache: z
        .strictObject({
          max: z.number().int().min(1).max(10_000_000).default(50_000),
          ttl: positiveDuration.default(30_000),
          stale_if_store_down: duration.default(60_000),
        })
        .prefault({}),
    })
    .prefault({}),
  scopes: z
    .record(scopeName, z.string())
    .default({})
    .describe('The names that keys can be granted and routes can ask for, each with what it means.'),
  limits: z.record(name('limit'), limit).default({}),
  auth_failures: plainLimit(60, 60_000).describe('Failed authentications per client address (IPv6: per /64).'),
  denials: plainLimit(600, 60_000).describe('Denied requests (403, 404, 405) per key.'),
  query_tokens: z
    .array(z.string().min(1))
    .default(['access_token', 'api_key', 'apikey', 'api-key', 'auth_token', 'bearer_token', 'authorization'])
    .describe('Names of query parameters that are refused, in any case and encoding.'),

  upstreams: z.record(name('upstream'), upstream).default({}),
  routes: z.array(route).default([]),

  context: z
    .strictObject({
      preset: z.enum(['sallyport', 'kong']).default('sallyport'),
      headers: contextNames.prefault({}).describe('Other names for the headers that tell the API who is calling.'),
      sign: z
        .boolean()
        .default(false)
        .describe('Also send Sallyport-Context, a signed token that the API can check against /.well-known/jwks.json.'),
    })
    .prefault({}),
  me: z
    .strictObject({
      path: z.string().startsWith('/', 'must start with /').default('/api/v1/me'),
      contract_version: z.string().default('1'),
    })
    .prefault({})
    .describe('The endpoint that tells a caller who it is.'),
  errors: z
    .strictObject({
      realm: z
        .string()
        .regex(/^[ !#-[\]-~]{1,128}$/, 'must be plain text without quotes')
        .default('api'),
    })
    .prefault({}),
  cors: cors.optional(),
  body_limit: size.prefault('1gb'),
  timeouts: z
    .strictObject({
      head: positiveDuration.default(10_000).describe('For the request head to arrive.'),
      body_idle: positiveDuration.default(30_000).describe('Longest silence inside a request body.'),
      keep_alive: positiveDuration.default(65_000).describe('How long an idle connection is kept.'),
      drain_delay: duration.default(0).describe('After SIGTERM, how long new requests are still taken.'),
      drain_timeout: duration.default(10_000).describe('After that, how long requests in flight may take.'),
    })
    .prefault({}),
  audit: z
    .strictObject({
      durability: z.enum(['async', 'strict']).default('async'),
      retention: positiveDuration.default(30 * 86_400_000),
      queue: z
        .number()
        .int()
        .min(100)
        .max(1_000_000)
        .default(20_000)
        .describe('Rows that wait at most; what comes beyond is dropped, counted and alarmed.'),
    })
    .prefault({}),
  log: z
    .strictObject({
      level: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
      requests: z.boolean().default(false).describe('One line for each request.'),
    })
    .prefault({}),
  tests: z.array(policyTest).default([]).describe('Checked by "sallyport check".'),
})

/** The file as written, before defaults. */
export type ConfigInput = z.input<typeof configSchema>
/** The checked configuration, every default filled in, durations in milliseconds, sizes in bytes. */
export type Config = z.output<typeof configSchema>
export type RouteConfig = Config['routes'][number]
export type UpstreamConfig = Config['upstreams'][string]
export type LimitConfig = Config['limits'][string]
export type CorsConfig = NonNullable<Config['cors']>
export type PolicyTest = Config['tests'][number]
export type Address = Config['listen']
