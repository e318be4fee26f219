import { startUpstream } from '../../examples/upstream.ts'
import type { Role } from '../../src/store/store.ts'
import { type AdminGateway, startAdmin } from './admin.ts'
import { requestHistory } from './dashboard-history.ts'
import { password } from './operators.ts'
import { startWebhookTarget } from './webhook-target.ts'

/** A key as whoever calls with it has it. */
export interface WorldKey {
  readonly id: string
  readonly name: string
  readonly raw: string
}

/** A gateway in daily use: everything that the dashboard shows is there, and some of everything. */
export interface DashboardWorld extends AsyncDisposable {
  readonly gateway: AdminGateway
  readonly adminUrl: string
  /** Acme Ltd, of which there is most. */
  readonly organizationId: string
  /** E-mails of operators, all with the password of test/helpers/operators.ts; but for root they are members of Acme. */
  readonly people: Readonly<Record<Role | 'root', string>>
  readonly keys: Readonly<Record<'pipeline' | 'reader' | 'rotated' | 'revoked', WorldKey>>
  /** By the parameters of the pages' addresses. */
  readonly ids: Readonly<Record<'webhook' | 'job' | 'request', string>>
  /** One call of the API behind the gateway. @returns its status */
  call(method: string, path: string, key?: string): Promise<number>
}

/** @param history how many requests of the last 30 days are in the log before those that are really made. */
export async function startDashboardWorld({ history = 0 }: { history?: number } = {}): Promise<DashboardWorld> {
  await using stack = new AsyncDisposableStack()
  const upstream = await startUpstream(0)
  stack.defer(() => upstream.close())
  const target = stack.use(await startWebhookTarget())
  const gateway = stack.use(await startAdmin(configWith(upstream.url)))
  const { organization, api, store } = gateway
  const at = `/organizations/${organization.id}`

  const make = async <T extends { id: string }>(path: string, body: unknown): Promise<T> => {
    const answer = await api<T>('POST', path, body)
    if (answer.status > 299) throw new Error(`POST ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
    return answer.body
  }
  const makeKey = async (name: string, more: Record<string, unknown>): Promise<WorldKey> => {
    const { key, raw_key: raw } = await make<{ id: string; key: { id: string }; raw_key: string }>(`${at}/api-keys`, {
      name,
      expires_in_days: 90,
      ...more,
    })
    return { id: key.id, name, raw }
  }
  const call = async (method: string, path: string, key?: string): Promise<number> => {
    const response = await fetch(`${gateway.dataUrl}${path}`, {
      method,
      headers: { 'user-agent': 'acme-cli/2.4', ...(key !== undefined && { authorization: `Bearer ${key}` }) },
      signal: AbortSignal.timeout(10_000),
    })
    await response.body?.cancel()
    return response.status
  }

  await api('PATCH', at, { name: 'Acme Ltd' })
  await make('/organizations', { name: 'Globex', rate_limit: { requests: 1000, per: '1m' } })
  const initech = await make('/organizations', { name: 'Initech' })
  await api('PATCH', `/organizations/${initech.id}`, { status: 'suspended', reason: 'Invoice 2231 is open' })

  const people = { root: 'ada@example.com', owner: 'grace@example.com', admin: 'alan@example.com' } as const
  const others = { engineer: 'edsger@example.com', viewer: 'barbara@example.com' } as const
  await make('/operators', { email: people.root, name: 'Ada Lovelace', is_root: true, password })
  const named: readonly (readonly [Role, string, string])[] = [
    ['owner', people.owner, 'Grace Hopper'],
    ['admin', people.admin, 'Alan Turing'],
    ['engineer', others.engineer, 'Edsger Dijkstra'],
    ['viewer', others.viewer, 'Barbara Liskov'],
  ]
  for (const [role, email, name] of named) await make(`${at}/members`, { email, role, name, password })

  await make(`${at}/workspaces`, { name: 'Website', external_id: 'prj_42' })
  await make(`${at}/workspaces`, { name: 'Mobile app', external_id: 'prj_43' })
  const bot = await make(`${at}/service-accounts`, {
    ...{ name: 'Deploy bot', description: 'Ships every merge to main', role: 'engineer' },
  })
  await make(`${at}/service-accounts`, { name: 'Nightly import', role: 'viewer' })
  const webhook = await make(`${at}/webhooks`, {
    ...{ url: target.url, events: ['api_key.created', 'api_key.revoked', 'webhook.test'], description: 'Chat channel' },
  })

  const keys = {
    pipeline: await makeKey('CI pipeline', {
      ...{ scopes: ['projects:read', 'runs:write'], workspace_ids: ['prj_42'], service_account_id: bot.id },
      ...{ description: 'Starts an audit after each deploy', metadata: { team: 'platform' } },
    }),
    reader: await makeKey('Status board', { scopes: ['projects:read'], rate_limit: { requests: 600, per: '1m' } }),
    rotated: await makeKey('Data warehouse', { scopes: ['projects:*'], allowed_ips: ['127.0.0.0/8'] }),
    revoked: await makeKey('Old laptop', { scopes: ['*'] }),
  }
  await makeKey('Billing sync', { scopes: ['projects:read'], environment: 'test', expires_in_days: 3 })
  await makeKey('Partner import', { scopes: ['projects:write'], environment: 'test', expires_in_days: null })
  await gateway.createKey({ name: 'Trial of last year', scopes: ['projects:read'], expiresAt: Date.now() - 86_400_000 })

  if (history > 0) await store.insertRequests(requestHistory(organization.id, Object.values(keys), history))
  for (const [method, path, key] of traffic(keys)) await call(method, path, key?.raw)

  await make(`${at}/api-keys/${keys.rotated.id}/rotate`, { grace_period_seconds: 86_400 })
  await call('GET', '/api/v1/projects', keys.rotated.raw)
  await make(`${at}/api-keys/${keys.revoked.id}/revoke`, { reason: 'Left in a taxi' })
  await call('GET', '/api/v1/projects', keys.revoked.raw)
  await make(`${at}/webhooks/${webhook.id}/test`, undefined)
  const job = await make(`${at}/jobs`, { type: 'key_export', params: { format: 'csv' } })

  await gateway.requestLog()
  const {
    rows: [refused],
  } = await store.listRequests({ organizationId: organization.id, code: 'INSUFFICIENT_SCOPE' }, { limit: 1 })
  const parts = stack.move()
  return {
    ...{ gateway, adminUrl: gateway.adminUrl, organizationId: organization.id, keys, call },
    people: { ...people, ...others },
    ids: { webhook: webhook.id, job: job.id, request: refused?.id ?? '' },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  }
}

/** @returns method, path and key, as an API is used: most pass, some do not. */
function traffic({ pipeline, reader, rotated, revoked }: DashboardWorld['keys']): [string, string, WorldKey?][] {
  const once: [string, string, WorldKey?][] = [
    ['GET', '/api/v1/projects', pipeline],
    ['GET', '/api/v1/projects/42', reader],
    ['GET', '/api/v1/projects', rotated],
    ['GET', '/api/v1/projects', revoked],
    ['POST', '/api/v1/projects/prj_42/runs', pipeline],
    ['POST', '/api/v1/projects/prj_43/runs', pipeline],
    ['POST', '/api/v1/projects/prj_42/runs', reader],
    ['GET', '/api/v1/me', reader],
    ['GET', '/v0/projects', reader],
    ['POST', '/v0/projects', reader],
    ['GET', '/billing/invoices', pipeline],
    ['GET', '/api/v1/elsewhere', pipeline],
    ['GET', '/api/v1/projects'],
    ['GET', '/status'],
  ]
  return Array.from({ length: 4 }, () => once).flat()
}

/** The routes of gateway.yaml, in front of the API of the examples. */
const configWith = (upstreamUrl: string): string => `
keys: { prefix: sk, environments: [live, test], reveal: true }
scopes:
  projects:read: Read projects
  projects:write: Create and change projects
  runs:write: Start audits
limits:
  key-minute: { by: key, requests: 120, per: 1m }
  org-day: { by: org, requests: 50000, per: 1d }
  ip-minute: { by: ip, requests: 60, per: 1m }
upstreams:
  api: { targets: ["${upstreamUrl}"], health: { path: /healthz, every: 5s } }
webhooks: { allow_private: true }
self_service: { path: /tenants/me/api-keys }
routes:
  - { path: /api/v1/projects/*, methods: [GET], scopes: ["projects:read"], limits: [key-minute, org-day], upstream: api }
  - { path: /api/v1/projects/*, methods: [POST, PUT, PATCH, DELETE], scopes: ["projects:write"], limits: [key-minute, org-day], upstream: api }
  - { path: /api/v1/projects/:project_id/runs, methods: [POST], scopes: ["runs:write"], workspace: ":project_id", limits: [key-minute, org-day], cost: 5, upstream: api }
  - { path: /v0/*, any_scope: ["projects:write", "runs:write"], rewrite: "/api/v1/*", shadow: true, upstream: api }
  - { path: /billing/*, deny: true }
  - { path: /status, public: true, limits: [ip-minute], upstream: api }
`
