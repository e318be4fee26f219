import type { RequestLine } from './oracles.ts'
import type { UpstreamRequest } from './raw-upstream.ts'

/** What the routes of a test do that changes what is right. */
export interface Judged {
  readonly forwardsAuthorization: boolean
  readonly rewrites: boolean
  /** The identity headers have their usual names. */
  readonly names: boolean
}

const always = ['x-org-id', 'x-org-name', 'x-key-id', 'x-key-name', 'x-key-scopes', 'x-key-environment']
const sometimes = ['x-workspace-id', 'x-service-account-id']
const once = ['x-request-id', 'x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'host']
const never = [
  ...['x-http-method-override', 'x-http-method', 'x-method-override', 'x-original-url', 'x-rewrite-url'],
  ...['connection', 'keep-alive', 'proxy-connection', 'proxy-authorization', 'te', 'trailer', 'upgrade', 'expect'],
  ...['x-consumer-id', 'x-consumer-custom-id', 'x-consumer-username', 'x-credential-identifier', 'http2-settings'],
]

/** O4: as an upstream reads it that folds case, `-`, `_` and `.`. */
export function identityFaults(request: UpstreamRequest, line: RequestLine, judged: Judged): string[] {
  const values = (name: string): string[] =>
    request.headers.filter(([other]) => other.toLowerCase().replace(/[_.]/g, '-') === name).map(([, value]) => value)
  const faults: string[] = []
  const expectCount = (name: string, least: number, most: number): void => {
    const { length } = values(name)
    if (length < least || length > most) faults.push(`O4: ${length} times ${name}: ${request.head}`)
  }
  const known = line.key_id !== null
  if (judged.names) {
    for (const name of always) expectCount(name, known ? 1 : 0, known ? 1 : 0)
    for (const name of sometimes) expectCount(name, 0, known ? 1 : 0)
    if (known && values('x-key-id')[0] !== line.key_id) faults.push(`O4: another key: ${request.head}`)
    if (known && values('x-org-id')[0] !== line.organization_id)
      faults.push(`O4: another organization: ${request.head}`)
  }
  // A request of HTTP/1.0 may have come without Host; then there is none to tell.
  for (const name of once) expectCount(name, name === 'x-forwarded-host' ? 0 : 1, 1)
  if (values('x-request-id')[0] !== line.request_id) faults.push(`O4: another request id: ${request.head}`)
  const upgrades = values('upgrade').length > 0
  for (const name of never) {
    // An upgrade that was let through is the one thing for which undici says Connection and Upgrade by itself.
    if (name === 'connection' && /^(?:keep-alive|close)$/.test(values(name).join())) continue
    if (upgrades && (name === 'connection' || name === 'upgrade')) continue
    if (judged.names || !name.startsWith('x-c')) expectCount(name, 0, 0)
  }
  if (!judged.forwardsAuthorization) expectCount('authorization', 0, 0)
  if (values('content-length').length + values('transfer-encoding').length > 1)
    faults.push(`O2: two framings: ${request.head}`)
  return faults
}

/** O3, as far as one request shows it: what was judged and is in the log is what was forwarded. */
export function pathFaults(request: UpstreamRequest, line: RequestLine, { rewrites }: Judged): string[] {
  const path = request.target.split('?', 1)[0] ?? ''
  const faults = [
    !rewrites && path.slice(0, 1024) !== line.path && `O3: judged as ${line.path}, forwarded as ${request.target}`,
    request.method !== line.method && `O3: judged as ${line.method}, forwarded as ${request.method}`,
  ]
  return faults.filter((fault) => fault !== false)
}
