import { z } from 'zod'
import { catalogue, type ErrorCode } from '../errors.ts'
import { adminSchema } from './admin-schema.ts'
import { canonicalHost } from './host.ts'
import {
  absolutePath,
  address,
  anyText,
  cidr,
  duration,
  grantableScope,
  headerName,
  ip,
  list,
  method,
  name,
  nonEmptyList,
  onlyTrue,
  origin,
  positiveDuration,
  positiveWait,
  redisUrl,
  routeScope,
  scopeName,
  size,
  text,
  wait,
  whole,
  yesOrNo,
} from './values.ts'

/**
 * The one schema of gateway.yaml. Types, validation, defaults, gateway.schema.json and docs/reference/configuration.md
 * all come from it. What one value alone can tell is checked here; what needs two (a route's scope and the table of
 * scopes) is in check.ts. Complaints go on from what was found: `"60 sec"` → "is not a duration; …".
 */

const cors = z.strictObject({
  origins: nonEmptyList(origin()).describe('Origins that browsers may call from; "*" for any.'),
  methods: nonEmptyList(method())
    .default(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'])
    .describe('Methods that they may use.'),
  headers: list(headerName())
    .default(['Authorization', 'Content-Type'])
    .describe('Request headers that they may send.'),
  expose: list(headerName())
    .default(['X-Request-Id', 'RateLimit', 'RateLimit-Policy', 'Retry-After'])
    .describe('Response headers that scripts may read.'),
  credentials: yesOrNo().default(false).describe('Whether cookies and client certificates may be sent along.'),
  max_age: duration().prefault('10m').describe('How long a browser may keep the answer to a preflight.'),
})

const limitedBy = z.enum(['key', 'org', 'ip', 'route'])

const limit = z.strictObject({
  by: z
    .union([limitedBy, z.array(limitedBy).min(1)], 'must be key, org, ip or route, or a list of these')
    .transform((by) => (typeof by === 'string' ? [by] : by))
    .meta({ title: 'key, org, ip, route, or a list of these' })
    .describe('What is counted apart: each key, each organization, each client address, each route, or a combination.'),
  requests: whole(1, 1_000_000_000).describe('How many requests (or tokens, see cost) fit in one window.'),
  per: positiveDuration().describe('Length of the window, which starts with the first charged request.'),
  lease: yesOrNo()
    .default(false)
    .describe('With redis: nodes take tokens of busy counters in advance, and ask Redis less often for it.'),
})

const plainLimit = (requests: number, per: string) =>
  z
    .strictObject({
      requests: whole(1, 1_000_000_000).default(requests).describe('How many fit in one window.'),
      per: positiveDuration().prefault(per).describe('Length of the window.'),
    })
    .prefault({})

const upstream = z.strictObject({
  targets: nonEmptyList(
    text(
      'origin',
      /^https?:\/\/(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?\/?$/,
      'is not an origin; write for example http://127.0.0.1:9000, without path or credentials',
    ).refine((target) => URL.canParse(target), 'is not an origin: its host or port does not exist'),
  ).describe('Origins of the API. With several, the one with the least requests in flight is taken.'),
  connect_timeout: positiveWait().prefault('2s').describe('For a connection to be made.'),
  response_timeout: positiveWait().prefault('30s').describe('To the head of the response.'),
  idle_timeout: positiveWait().prefault('60s').describe('Longest silence inside a body or a tunnel.'),
  max_connections: whole(1, 65_535)
    .default(4096)
    .describe(
      'Connections to each target; beyond it requests are answered 503 OVERLOADED. From 100 on nobody may hold more than three times as many as are free.',
    ),
  preserve_host: yesOrNo().default(false).describe('Send the caller’s Host instead of the target’s.'),
  tls: z
    .strictObject({
      ca: anyText('the name of a PEM file').optional().describe('PEM file of the authority to trust.'),
      server_name: anyText('a host name')
        .optional()
        .describe('Name that its certificate must have, when it is not the host of the target.'),
    })
    .optional()
    .describe('For targets with https.'),
  health: z
    .strictObject({
      path: absolutePath().describe('Asked with GET.'),
      every: positiveWait().prefault('5s').describe('Time between two checks.'),
      timeout: positiveWait().prefault('2s').describe('For an answer; later counts as failed.'),
    })
    .optional()
    .describe('Active check: a target that fails it gets no requests until it answers 2xx again.'),
})

const route = z.strictObject({
  path: absolutePath().describe(
    'Segments are literal, :name for exactly one, or a final * for the prefix and all below it. The most specific route decides alone.',
  ),
  host: text('host name', /^[A-Za-z0-9.-]+(:\d{1,5})?$/, 'is not a host name; write for example api.example.com')
    .transform(canonicalHost)
    .optional()
    .describe('Only requests to this host; such a route comes before one without.'),
  methods: nonEmptyList(method()).optional().describe('All when left out. GET includes HEAD.'),
  scopes: list(routeScope())
    .min(1, 'is empty; name a scope, or remove the key to admit every valid key')
    .optional()
    .describe('The key needs all of these. Without scopes and any_scope any valid key will do.'),
  any_scope: list(routeScope())
    .min(1, 'is empty; name a scope, or remove the key to admit every valid key')
    .optional()
    .describe('The key needs one of these.'),
  limits: list(anyText('the name of a limit')).default([]).describe('Names of limits that requests are charged to.'),
  cost: whole(1, 1_000_000_000).default(1).describe('Tokens that a request takes from each limit.'),
  workspace: text(
    'parameter',
    /^:[A-Za-z_][A-Za-z0-9_]*$/,
    'is not a parameter of the path; write its name with the colon, for example ":project_id"',
  )
    .optional()
    .describe('The key must hold a grant for the workspace whose id stands at this parameter of the path.'),
  upstream: anyText('the name of an upstream')
    .optional()
    .describe('Where requests go. Every route but those with deny needs one.'),
  deny: onlyTrue().optional().describe('No key may pass, whatever its scopes.'),
  public: onlyTrue().optional().describe('No key is asked for, and none is looked at.'),
  strip_prefix: absolutePath().optional().describe('Taken off the front of the path before it goes upstream.'),
  rewrite: absolutePath().optional().describe('The path sent upstream; may use the parameters of path, and a final *.'),
  shadow: yesOrNo().default(false).describe('Denials by scope and limit are recorded and counted, not enforced.'),
  forward_authorization: yesOrNo()
    .default(false)
    .describe('Also send the Authorization header, key and all, upstream.'),
  body_limit: size().optional().describe('Largest request body, instead of the global one.'),
  cors: cors.optional().describe('Answers to browsers, instead of the global ones.'),
})

const header = (what: string) => headerName().optional().describe(what)

const contextNames = z.strictObject({
  org_id: header('Id of the organization.'),
  org_name: header('Its name.'),
  key_id: header('Id of the key.'),
  key_name: header('Its name.'),
  key_scopes: header('Its scopes, with spaces between.'),
  key_environment: header('Its environment.'),
  workspace_id: header('The workspace, as it stood in the path.'),
  service_account_id: header('The service account that owns the key.'),
})

const errorCodes = Object.keys(catalogue) as ErrorCode[]

const policyTest = z.strictObject({
  request: text(
    'request',
    /^[A-Z-]+ \/\S*$/,
    'is not a request; write a method and a path, for example GET /v1/projects',
  ).describe('A method and a path.'),
  host: anyText('a host name').optional().describe('The Host header.'),
  scopes: list(grantableScope()).optional().describe('Scopes of the key; left out: no key is sent.'),
  workspaces: list(anyText('the id of a workspace')).default([]).describe('Workspaces that the key holds a grant for.'),
  ip: ip().optional().describe('Address of the caller.'),
  expect: z
    .enum(['allow', 'deny', ...errorCodes])
    .meta({ title: 'allow, deny or an error code' })
    .describe('What should come of it.'),
})

export const configSchema = z.strictObject({
  listen: address().prefault('0.0.0.0:8080').describe('Where callers come in.'),
  admin: adminSchema.prefault({}).describe('The plane for those who run the gateway.'),
  store: text(
    'store',
    /^(sqlite:.+|postgres(ql)?:\/\/.+)/,
    'is not a store; write sqlite:path/to/file.db or postgres://user:password@host/database',
  )
    .default('sqlite:data/sallyport.db')
    .describe(
      'Keys, organizations and the request log: a file of this node, or a PostgreSQL database that several nodes share.',
    ),
  redis: redisUrl()
    .default('')
    .describe(
      'Where limits are counted that several nodes share: redis://host:6379/0, rediss:// with TLS, redis+sentinel://host1,host2/name, redis+cluster://host1,host2. Empty: in memory, for one node.',
    ),
  redis_failure: z
    .enum(['local', 'closed', 'open'])
    .default('local')
    .describe(
      'When Redis does not answer: local counts on each node alone, closed refuses with 503, open lets requests pass uncounted.',
    ),
  workers: z
    .union([z.literal('auto'), whole(1, 256)], 'must be a number from 1 to 256, or auto for one on each core')
    .default(1)
    .meta({ title: 'auto, or a number from 1 to 256' })
    .describe(
      'Processes that carry traffic. With 1 it is the process that you start; with more, that one is left to administration, jobs and the store.',
    ),
  trust_proxy: list(cidr()).default([]).describe('Proxies in front whose X-Forwarded-* headers are believed.'),
  tls: z
    .strictObject({
      cert: anyText('the name of a PEM file').describe('File with the certificate and those that it is signed by.'),
      key: anyText('the name of a PEM file').describe('File with its private key.'),
    })
    .optional()
    .describe('With it the data plane speaks HTTPS.'),

  keys: z
    .strictObject({
      prefix: text(
        'text',
        /^[a-z][a-z0-9]{0,15}$/,
        'is not a prefix; use 1 to 16 lower-case letters and digits, starting with a letter',
      )
        .default('sk')
        .describe('What every key starts with: sk_live_…'),
      environments: list(
        text('text', /^[a-z][a-z0-9]{0,15}$/, 'is not an environment; use 1 to 16 lower-case letters and digits'),
      )
        .default(['live', 'test'])
        .describe('Part of every key. The first is the default; [] for keys without: sk_…'),
      default_scopes: list(grantableScope())
        .default(['*'])
        .describe('What a key gets when its creator names none; [] makes the creator choose.'),
      accept: list(
        z.strictObject({
          prefix: text(
            'text',
            /^[A-Za-z0-9_.-]{1,32}$/,
            'is not a prefix; use 1 to 32 letters, digits, _ . and -',
          ).describe('What these keys start with.'),
          length: whole(20, 256).describe('How long they are, prefix included.'),
        }),
      )
        .default([])
        .describe('Further formats that are looked up without checksum: imported keys, earlier prefixes.'),
      reveal: yesOrNo()
        .default(false)
        .describe('Keep new secrets encrypted next to their hash, so that they can be shown again.'),
      revoke_exposed: yesOrNo().default(false).describe('Revoke a live key that was sent in a URL.'),
      cache: z
        .strictObject({
          max: whole(1, 10_000_000).default(50_000).describe('How many keys are kept in memory.'),
          ttl: positiveDuration().prefault('30s').describe('After this a key is looked up again.'),
          stale_if_store_down: duration()
            .prefault('60s')
            .describe('How long keys in the cache go on when the store does not answer.'),
        })
        .prefault({})
        .describe('Keys that were looked up.'),
    })
    .prefault({})
    .describe('How keys look and how they are found.'),
  scopes: z
    .record(scopeName(), anyText('what the scope allows'), 'must be a map of names to what they mean')
    .default({})
    .describe('The names that keys can be granted and routes can ask for, each with what it means.'),
  limits: z.record(name('limit'), limit).prefault({}).describe('Rate limits, for routes to name.'),
  auth_failures: plainLimit(60, '1m').describe('Failed authentications per client address (IPv6: per /64).'),
  denials: plainLimit(600, '1m').describe('Denied requests (403, 404, 405) per key.'),
  query_tokens: list(anyText('the name of a parameter').min(1, 'is empty; name a parameter'))
    .default(['access_token', 'api_key', 'apikey', 'api-key', 'auth_token', 'bearer_token', 'authorization'])
    .describe('Names of query parameters that are refused, in any case and encoding.'),

  upstreams: z
    .record(name('upstream'), upstream)
    .prefault({})
    .describe('The APIs behind the gateway, for routes to name.'),
  routes: list(route).prefault([]).describe('Who may call what. What no route names is refused.'),

  context: z
    .strictObject({
      preset: z
        .enum(['sallyport', 'kong'])
        .default('sallyport')
        .describe('Names of the headers: X-Org-Id and so on, or X-Consumer-* as Kong has them.'),
      headers: contextNames.prefault({}).describe('Other names for single headers.'),
      sign: yesOrNo()
        .default(false)
        .describe('Also send Sallyport-Context, a signed token that the API can check against /.well-known/jwks.json.'),
    })
    .prefault({})
    .describe('The headers that tell the API who is calling.'),
  me: z
    .strictObject({
      path: absolutePath().default('/api/v1/me').describe('Where it is.'),
      contract_version: anyText('a version, in quotes')
        .default('1')
        .describe('Sent as it is, for clients that depend on a version.'),
    })
    .prefault({})
    .describe('The endpoint that tells a caller who it is.'),
  self_service: z
    .union(
      [
        z.literal(false),
        z.strictObject({
          path: absolutePath().default('/tenants/me/api-keys').describe('Where they are.'),
          limits: list(anyText('the name of a limit'))
            .default([])
            .describe('Names of limits that requests are charged to, besides those of the key and its organization.'),
        }),
      ],
      'must be false, or a map of keys and values',
    )
    .prefault({})
    .describe('The endpoints by which a key with the scope keys:manage manages keys itself; false turns them off.'),
  errors: z
    .strictObject({
      realm: text('text', /^[ !#-[\]-~]{1,128}$/, 'is not a realm; write plain text without quotes and backslashes')
        .default('api')
        .describe('Named in WWW-Authenticate.'),
    })
    .prefault({})
    .describe('How refusals look.'),
  cors: cors
    .optional()
    .describe('Answers to browsers, for every route without its own. Left out: no browser of another origin may call.'),
  body_limit: size().prefault('1gb').describe('Largest request body.'),
  body_rate: size()
    .prefault('240b')
    .describe('Fewest bytes a second that a request body comes with, over half a minute; 0b for no such bound.'),
  timeouts: z
    .strictObject({
      head: positiveWait().prefault('10s').describe('For the request head to arrive.'),
      body_idle: positiveWait().prefault('30s').describe('Longest silence inside a request body.'),
      write_idle: positiveWait()
        .prefault('60s')
        .describe('Longest time in which a caller takes nothing of an answer that waits for it.'),
      keep_alive: positiveWait().prefault('65s').describe('How long an idle connection is kept.'),
      drain_delay: wait().prefault('0s').describe('After SIGTERM, how long new requests are still taken.'),
      drain_timeout: wait().prefault('10s').describe('After that, how long requests in flight may take.'),
    })
    .prefault({})
    .describe('For callers; those for the API are in upstreams.'),
  connections: z
    .strictObject({
      per_peer: whole(1, 1_000_000)
        .default(4096)
        .describe('Of one address (IPv6: of its /64). Those in trust_proxy are exempt.'),
      total: z
        .union([z.literal('auto'), whole(16, 1_000_000)], 'must be a number from 16 to 1000000, or auto')
        .default('auto')
        .meta({ title: 'auto, or a number from 16 to 1000000' })
        .describe(
          'Of all callers, in each process. auto: half of the files that it may open, 32768 at most. When all are taken, idle ones make room, then those that have not sent their head.',
        ),
      heads: size()
        .refine((bytes) => bytes >= 64 * 1024, 'is too little for one head; 64kb is the least')
        .prefault('64mb')
        .describe('Bytes of heads that are not whole, of all connections together; beyond it the oldest are closed.'),
    })
    .prefault({})
    .describe('How many connections callers may hold. They take effect at the start.'),
  overload: z
    .strictObject({
      in_flight: whole(4, 1_000_000)
        .default(16_384)
        .describe(
          'Requests in flight, streams and tunnels included; the last quarter is for callers whose key is known.',
        ),
      delay: positiveWait().prefault('500ms').describe('How late the event loop may be while many requests come.'),
    })
    .prefault({})
    .describe('When requests are turned away with 503 OVERLOADED before anything is done for them, in each process.'),
  audit: z
    .strictObject({
      durability: z
        .enum(['async', 'strict'])
        .default('async')
        .describe('async: rows are written within 200 ms. strict: the decision is on disk before the request goes on.'),
      retention: positiveDuration().prefault('30d').describe('Older rows are deleted.'),
      queue: whole(100, 1_000_000)
        .default(20_000)
        .describe('Rows that wait at most; what comes beyond is dropped, counted and alarmed.'),
      checkpoints: z
        .strictObject({
          file: z
            .string()
            .min(1)
            .optional()
            .describe(
              'Where they are written; when left out next to the file of the store, or with PostgreSQL sallyport.checkpoints next to this file.',
            ),
          every: positiveDuration().prefault('10m').describe('How often, when the trail has grown.'),
        })
        .prefault({})
        .describe('Signed marks of how far the audit trail had come, which show when its end was cut off.'),
    })
    .prefault({})
    .describe('The request log and the audit trail.'),
  webhooks: z
    .strictObject({
      allow_private: yesOrNo()
        .default(false)
        .describe('Let webhooks go to private and link-local addresses, and over plain http.'),
    })
    .prefault({})
    .describe('What organizations are told of their keys.'),
  tracing: z
    .strictObject({
      accept: z
        .enum(['never', 'trusted', 'ids', 'always'])
        .default('ids')
        .describe(
          'Whose traceparent is carried on. ids: everybody’s, but only peers in trust_proxy decide that a request is recorded; trusted: of those peers alone; never: nobody’s; always: everybody’s, and recorded when it says so.',
        ),
    })
    .prefault({})
    .describe('W3C Trace Context. Export of traces is set by the OTEL_* variables of the environment.'),
  log: z
    .strictObject({
      level: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info').describe('What is worth a line.'),
      requests: yesOrNo().default(false).describe('One line for each request.'),
    })
    .prefault({})
    .describe('JSON lines on standard output.'),
  tests: list(policyTest).prefault([]).describe('Checked by "sallyport check".'),
})

/** The checked configuration, every default filled in, durations in milliseconds, sizes in bytes. */
export type Config = z.output<typeof configSchema>
export type RouteConfig = Config['routes'][number]
export type UpstreamConfig = Config['upstreams'][string]
export type CorsConfig = NonNullable<Config['cors']>
export type PolicyTest = Config['tests'][number]
export type Address = Config['listen']
