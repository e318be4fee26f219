import { hash } from 'node:crypto'
import type { Organization } from '../../src/store/store.ts'
import type { AdminGateway } from './admin.ts'
import { fetchOpenApi, type OpenApiDocument, type Operation } from './openapi-document.ts'
import { connectRaw, type RawClient, type RawResponse } from './raw-client.ts'

/** An organization with one of everything that a path can name. */
export interface Populated {
  readonly organization: Organization
  /** By the name of the parameter. */
  readonly ids: Readonly<Record<string, string>>
  /** Of an owner of it alone. */
  readonly ownerToken: string
}

/** The whole admin API, and what stands in the way of walking it. */
export interface AdminWorld extends Disposable {
  readonly document: OpenApiDocument
  readonly operations: readonly Operation[]
  populate(organization?: Organization): Promise<Populated>
  /** One request, every byte of the answer as it came. @param credentials a token, or a whole cookie. @param body is sent as JSON. */
  send(
    credentials: string,
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<RawResponse>
}

export async function openWorld(gateway: AdminGateway): Promise<AdminWorld> {
  const document = await fetchOpenApi(gateway.adminUrl)
  const { host } = new URL(gateway.adminUrl)
  let client: RawClient | undefined

  const make = async (path: string, body: unknown): Promise<Record<string, unknown>> => {
    const answer = await gateway.api('POST', path, body)
    if (answer.status > 299)
      throw new Error(`POST ${path} was answered ${answer.status}: ${JSON.stringify(answer.body)}`)
    return answer.body
  }

  return {
    document,
    operations: document.operations,

    async populate(organization = gateway.organization) {
      const at = `/organizations/${organization.id}`
      const { id: accountId } = await make(`${at}/service-accounts`, { name: 'Account', role: 'viewer' })
      const workspace = await make(`${at}/workspaces`, { name: 'Workspace', external_id: `x-${organization.id}` })
      const key = await make(`${at}/api-keys`, {
        name: 'Key',
        scopes: ['*'],
        service_account_id: accountId,
        workspace_ids: [workspace.id],
      })
      const webhook = await make(`${at}/webhooks`, { url: 'https://hooks.invalid/', events: ['webhook.test'] })
      const delivery = await make(`${at}/webhooks/${webhook.id}/test`, undefined)
      const job = await make(`${at}/jobs`, { type: 'key_export' })
      const [event] = (await gateway.store.listEvents({ organizationId: organization.id }, { limit: 1 })).rows
      const owner = await gateway.member('owner', organization.id)
      const other = await gateway.member('viewer', organization.id)
      const [session, token] = await Promise.all([
        gateway.store.createSession(
          {
            operatorId: other.operatorId,
            method: 'password',
            provedAt: 0,
            ip: '127.0.0.1',
            userAgent: null,
            tokenSha256: hash('sha256', organization.id, 'buffer'),
            requestId: 'test',
          },
          { createdAfter: 0, seenAfter: 0 },
        ),
        gateway.store.listTokens({ operatorId: other.operatorId }, { limit: 1 }),
      ])
      return {
        organization,
        ownerToken: owner.token,
        ids: {
          organization_id: organization.id,
          sa_id: String(accountId),
          workspace_id: String(workspace.id),
          key_id: String((key.key as { id: string }).id),
          webhook_id: String(webhook.id),
          delivery_id: String(delivery.id),
          job_id: String(job.id),
          event_id: event?.id ?? '',
          operator_id: other.operatorId,
          session_id: session.id,
          token_id: token[0]?.id ?? '',
        },
      }
    },

    async send(credentials, method, path, body, headers = {}) {
      if (client === undefined || client.socket.destroyed || !client.isOpen) client = await connectRaw(gateway.adminUrl)
      const text = body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body)
      const fields = {
        Host: host,
        ...(credentials.includes('=')
          ? { Cookie: credentials, Origin: `http://${host}` }
          : { Authorization: `Bearer ${credentials}` }),
        ...(body !== undefined && { 'Content-Type': 'application/json' }),
        ...(method !== 'GET' && { 'Content-Length': String(Buffer.byteLength(text)) }),
        ...headers,
      }
      const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`)
      await client.send(Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${text}`))
      const response = await client.response({ to: method, withinMs: 10_000 })
      // Where it was refused with its body unread, the connection ends some time after the answer.
      const isRead = method === 'GET' || response.status < 300 || response.status === 422
      if (!isRead || response.header('connection') === 'close') client[Symbol.dispose]()
      return response
    },

    [Symbol.dispose]() {
      client?.[Symbol.dispose]()
    },
  }
}

/** Names of the parameters in a path of the document. */
export const parametersIn = (path: string): string[] => [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name)

export const fillPath = (path: string, ids: Readonly<Record<string, string>>): string =>
  path.replaceAll(/\{(\w+)\}/g, (_, name: string) => ids[name] ?? `no_${name}`)

/** An id of the same form, and of the same age, of which there is nothing. */
export const unreal = (id: string): string => id.slice(0, -4) + (id.endsWith('zzzz') ? 'yyyy' : 'zzzz')
