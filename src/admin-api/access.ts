import type { AccessRole } from './principal.ts'

/**
 * Who may call what: the one table, which a test walks, every endpoint by every role, own and foreign organization.
 * A route that is not in it can't be registered. `none` asks for no log-in, `any` for some; the others are the least role
 * in the organization of the path (`root`: of the instance).
 */
export type Access = AccessRole | 'any' | 'none'

const organization = '/organizations/:organization_id'
const key = `${organization}/api-keys/:key_id`
const webhook = `${organization}/webhooks/:webhook_id`

export const accessTable: Readonly<Record<string, Access>> = {
  'GET /me': 'any',
  'PATCH /me': 'any',
  'GET /settings': 'any',
  'POST /setup': 'none',
  'POST /sessions': 'none',
  'GET /sessions': 'any',
  'DELETE /sessions/current': 'any',
  'DELETE /sessions/:session_id': 'any',
  'GET /tokens': 'any',
  'POST /tokens': 'any',
  'DELETE /tokens/:token_id': 'any',
  'GET /auth/oidc': 'none',
  'GET /auth/oidc/callback': 'none',
  'GET /auth/methods': 'none',

  'GET /operators': 'root',
  'POST /operators': 'root',
  'GET /operators/:operator_id': 'root',
  'PATCH /operators/:operator_id': 'root',
  'DELETE /operators/:operator_id': 'root',
  'POST /operators/:operator_id/reset-password': 'root',

  'POST /organizations': 'root',
  'GET /organizations': 'any',
  [`GET ${organization}`]: 'viewer',
  [`PATCH ${organization}`]: 'owner',
  [`DELETE ${organization}`]: 'owner',

  [`GET ${organization}/members`]: 'viewer',
  [`POST ${organization}/members`]: 'owner',
  [`GET ${organization}/members/:operator_id`]: 'viewer',
  [`PATCH ${organization}/members/:operator_id`]: 'owner',
  [`DELETE ${organization}/members/:operator_id`]: 'owner',
  [`POST ${organization}/members/:operator_id/link`]: 'owner',

  // Engineers may manage keys that a service account owns; the handlers hold them to that.
  [`POST ${organization}/api-keys`]: 'engineer',
  [`GET ${organization}/api-keys`]: 'viewer',
  [`GET ${key}`]: 'viewer',
  [`PATCH ${key}`]: 'engineer',
  [`DELETE ${key}`]: 'engineer',
  [`POST ${key}/revoke`]: 'engineer',
  [`POST ${key}/rotate`]: 'engineer',
  [`POST ${key}/reveal`]: 'engineer',
  [`GET ${key}/usage`]: 'viewer',
  [`GET ${key}/workspaces`]: 'viewer',
  [`PUT ${key}/workspaces/:workspace_id`]: 'engineer',
  [`DELETE ${key}/workspaces/:workspace_id`]: 'engineer',

  [`POST ${organization}/workspaces`]: 'admin',
  [`GET ${organization}/workspaces`]: 'viewer',
  [`GET ${organization}/workspaces/:workspace_id`]: 'viewer',
  [`PATCH ${organization}/workspaces/:workspace_id`]: 'admin',
  [`DELETE ${organization}/workspaces/:workspace_id`]: 'admin',

  [`POST ${organization}/service-accounts`]: 'admin',
  [`GET ${organization}/service-accounts`]: 'viewer',
  [`GET ${organization}/service-accounts/:sa_id`]: 'viewer',
  [`PATCH ${organization}/service-accounts/:sa_id`]: 'admin',

  [`POST ${organization}/jobs`]: 'admin',
  [`GET ${organization}/jobs`]: 'viewer',
  [`GET ${organization}/jobs/:job_id`]: 'viewer',
  [`GET ${organization}/jobs/:job_id/output`]: 'viewer',
  [`POST ${organization}/jobs/:job_id/cancel`]: 'admin',

  [`POST ${organization}/webhooks`]: 'admin',
  [`GET ${organization}/webhooks`]: 'viewer',
  [`GET ${webhook}`]: 'viewer',
  [`PATCH ${webhook}`]: 'admin',
  [`DELETE ${webhook}`]: 'admin',
  [`POST ${webhook}/test`]: 'admin',
  [`POST ${webhook}/rotate-secret`]: 'admin',
  [`GET ${webhook}/deliveries`]: 'viewer',
  [`GET ${webhook}/deliveries/:delivery_id`]: 'viewer',
  [`POST ${organization}/deliveries/:delivery_id/redeliver`]: 'admin',
  [`POST ${webhook}/deliveries/:delivery_id/redeliver`]: 'admin',

  [`GET ${organization}/requests`]: 'viewer',
  [`GET ${organization}/requests/stream`]: 'viewer',
  [`GET ${organization}/requests/:row_id`]: 'viewer',
  [`GET ${organization}/events`]: 'viewer',
  [`GET ${organization}/events/:event_id`]: 'viewer',
  [`GET ${organization}/analytics`]: 'viewer',
  'GET /requests': 'root',
  'GET /requests/stream': 'root',
  'GET /requests/:row_id': 'root',
  'GET /events': 'root',
  'GET /events/:event_id': 'root',
  'GET /events/verify': 'root',
  'GET /analytics': 'root',

  'GET /health': 'root',
  'GET /policy': 'root',
  'POST /policy/validate': 'root',
  'POST /policy/explain': 'root',
  'POST /config/reload': 'root',
}

/**
 * What makes a credential, or hands out a role: a session must have proved in the last minutes who it is (login/proof.ts).
 * Revealing a key is not in here: it asks for the password itself. Nor is making and rotating keys: that is the daily work,
 * and every key stands in a list from which whoever manages them can revoke it.
 */
export const provenOnly: ReadonlySet<string> = new Set([
  'POST /tokens',
  'POST /operators',
  'PATCH /operators/:operator_id',
  'POST /operators/:operator_id/reset-password',
  `POST ${organization}/members`,
  `PATCH ${organization}/members/:operator_id`,
  `POST ${organization}/members/:operator_id/link`,
])
