import { randomBytes } from 'node:crypto'
import { personalTokenPrefix, tokenHash } from '../../src/admin-api/login/secrets.ts'
import type { Clock } from '../../src/clock.ts'
import type { Role } from '../../src/store/store.ts'
import { type Gateway, startGateway, testActor } from './gateway.ts'

export interface ApiAnswer<T> {
  readonly status: number
  readonly headers: Headers
  /** Parsed where it is JSON, null where there is none. */
  readonly body: T
}

/** @param path below `/platform`. @param headers replace those that are sent anyway, the token's too; an empty one is left out. */
export type AdminApi = <T = Record<string, unknown>>(
  method: string,
  path: string,
  body?: unknown,
  headers?: Readonly<Record<string, string>>,
) => Promise<ApiAnswer<T>>

export interface AdminGateway extends Gateway {
  /** The instance's own token: calls with it are made by root. */
  readonly adminToken: string
  /** Calls the admin API as root. */
  readonly api: AdminApi
  /** Calls it with another token; null: with none. */
  as(token: string | null): AdminApi
  /** A new operator with a personal token; calls as that one. In the gateway's first organization unless told otherwise. */
  member(
    role: Role,
    organizationId?: string,
  ): Promise<AdminApi & { readonly operatorId: string; readonly token: string }>
}

/** A gateway with an admin token, and a client for its admin API. */
export async function startAdmin(
  yaml: string = adminConfig,
  { clock, env = {} }: { clock?: Clock; env?: Record<string, string> } = {},
): Promise<AdminGateway> {
  const adminToken = randomBytes(32).toString('hex')
  const gateway = await startGateway(yaml, {
    env: { SALLYPORT_ADMIN_TOKEN: adminToken, ...env },
    ...(clock !== undefined && { clock }),
  })
  const as = (token: string | null) => adminApi(gateway.adminUrl, token)
  const member = async (role: Role, organizationId = gateway.organization.id) => {
    const token = `${personalTokenPrefix}${randomBytes(24).toString('hex')}`
    const { id: operatorId } = await gateway.store.createOperator(
      {
        email: `${randomBytes(6).toString('hex')}@example.com`,
        name: `An ${role}`,
        isRoot: false,
        verified: true,
        passwordHash: null,
        membership: { organizationId, role },
      },
      testActor,
    )
    await gateway.store.createToken(
      {
        operatorId,
        name: 'test',
        role: 'owner',
        organizationId: null,
        suffix: token.slice(-4),
        expiresAt: null,
        tokenSha256: tokenHash(token),
      },
      testActor,
    )
    return Object.assign(as(token), { operatorId, token })
  }
  return { ...gateway, adminToken, api: as(adminToken), as, member }
}

/** A client for the admin API at an address. */
export function adminApi(adminUrl: string, token: string | null): AdminApi {
  return async <T>(method: string, path: string, body?: unknown, headers: Readonly<Record<string, string>> = {}) => {
    const sent = new Headers()
    if (token !== null) sent.set('authorization', `Bearer ${token}`)
    if (body !== undefined) sent.set('content-type', 'application/json')
    for (const [name, value] of Object.entries(headers)) {
      if (value === '') sent.delete(name)
      else sent.set(name, value)
    }
    const response = await fetch(`${adminUrl}/platform${path}`, {
      method,
      headers: sent,
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      signal: AbortSignal.timeout(10_000),
    })
    const text = await response.text()
    const isJson = /\bjson\b/.test(response.headers.get('content-type') ?? '')
    const parsed: unknown = text === '' ? null : isJson ? JSON.parse(text) : text
    return { status: response.status, headers: response.headers, body: parsed as T }
  }
}

/** A configuration with some scopes and routes; nothing listens behind it. */
export const adminConfig = `
scopes:
  projects:read: Read projects
  projects:write: Change projects
  runs:write: Start audits
upstreams:
  api: { targets: ["http://127.0.0.1:9"] }
routes:
  - { path: /projects/*, methods: [GET], scopes: ["projects:read"], upstream: api }
  - { path: /projects/:project_id/runs, methods: [POST], scopes: ["runs:write"], workspace: ":project_id", upstream: api }
`
