import { statusOf } from '../errors.ts'
import type { RequestFacts } from './tracing.ts'

export type SpanAttributes = Record<string, string | number>

/** How a span says what became of its part. */
export interface SpanOutcome {
  readonly name: string
  readonly attributes: SpanAttributes
  readonly failed: boolean
}

/** What the gateway's own span tells, by the semantic conventions for HTTP servers. */
export function serverSpan(facts: RequestFacts): SpanOutcome {
  const { row, secure, host, peer } = facts
  const method = methodOf(row.method)
  const attributes: SpanAttributes = {
    'http.request.method': method,
    'url.scheme': secure ? 'https' : 'http',
    'url.path': row.path,
    'client.address': row.ip,
    'network.peer.address': peer,
    'sallyport.request_id': row.requestId,
    ...(host !== undefined && addressOf(host, secure)),
  }
  if (row.route !== null) attributes['http.route'] = row.route
  if (row.status !== 0) attributes['http.response.status_code'] = row.status
  if (row.userAgent !== null) attributes['user_agent.original'] = row.userAgent
  if (row.organizationId !== null) attributes['sallyport.organization_id'] = row.organizationId
  if (row.keyId !== null) attributes['sallyport.key_id'] = row.keyId
  if (row.shadowCode !== null) attributes['sallyport.shadow_code'] = row.shadowCode
  const error = errorOf(facts, 500)
  if (error !== undefined) attributes['error.type'] = error
  return {
    name: `${nameOf(method)}${row.route === null ? '' : ` ${row.route}`}`,
    attributes,
    // What a caller does wrong is no failure of the server.
    failed: row.status >= 500 || (facts.code !== undefined && statusOf(facts.code) >= 500),
  }
}

/** The same for the request to the upstream. */
export function clientSpan(facts: RequestFacts, upstream: NonNullable<RequestFacts['upstream']>): SpanOutcome {
  const { row } = facts
  const method = methodOf(row.method)
  const secure = upstream.origin.startsWith('https:')
  const attributes: SpanAttributes = {
    'http.request.method': method,
    'url.full': upstream.origin + upstream.path,
    'sallyport.upstream': upstream.name,
    ...addressOf(upstream.origin.replace(/^https?:\/\//, ''), secure),
  }
  // What was refused by us has a status of ours; what was broken off had begun with the upstream's.
  if (row.status !== 0 && (facts.code === undefined || row.status < 400))
    attributes['http.response.status_code'] = row.status
  const error = errorOf(facts, 400)
  if (error !== undefined) attributes['error.type'] = error
  return { name: nameOf(method), attributes, failed: error !== undefined && error !== aborted }
}

const aborted = 'aborted'

/** Our code, or the status where the upstream has answered with an error, or that it did not come to its end. */
const errorOf = ({ row, code, aborted: wasAborted }: RequestFacts, from: number): string | undefined =>
  code ?? (row.status >= from ? String(row.status) : wasAborted ? aborted : undefined)

function addressOf(authority: string, secure: boolean): SpanAttributes {
  const [, name = authority, port] = /^(.*?)(?::(\d+))?\/?$/.exec(authority) ?? []
  const address = { 'server.address': name.replace(/^\[|\]$/g, '') }
  const number = Number(port ?? (secure ? 443 : 80))
  // What is no port may be more than a collector's integers hold, and it would refuse the whole batch.
  return number >= 1 && number <= 65535 ? { ...address, 'server.port': number } : address
}

const methods = new Set(['CONNECT', 'DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT', 'QUERY', 'TRACE'])

const methodOf = (method: string): string => (methods.has(method) ? method : '_OTHER')
const nameOf = (method: string): string => (method === '_OTHER' ? 'HTTP' : method)
