/**
 * What each request header is to us, decided once per name. The head of a request is read in one pass with it.
 */
export const kind = {
  forward: 0,
  drop: 1,
  host: 2,
  contentLength: 3,
  transferEncoding: 4,
  connection: 5,
  upgrade: 6,
  expect: 7,
  authorization: 8,
  requestId: 9,
  forwardedFor: 10,
  forwardedProto: 11,
  forwardedHost: 12,
  origin: 13,
  accessControlRequestMethod: 14,
  userAgent: 15,
  /** Believed from trusted proxies alone. */
  fromTrustedProxy: 16,
} as const

export type HeaderKind = (typeof kind)[keyof typeof kind]

/** Names that mean the same to an upstream that folds case, `-`, `_` and `.`, as CGI and its heirs do. */
const foldName = (name: string): string => name.toLowerCase().replace(/[_.]/g, '-')

const known: Record<string, HeaderKind> = {
  host: kind.host,
  'content-length': kind.contentLength,
  'transfer-encoding': kind.transferEncoding,
  connection: kind.connection,
  upgrade: kind.upgrade,
  expect: kind.expect,
  authorization: kind.authorization,
  'x-request-id': kind.requestId,
  'x-forwarded-for': kind.forwardedFor,
  'x-forwarded-proto': kind.forwardedProto,
  'x-forwarded-host': kind.forwardedHost,
  origin: kind.origin,
  'access-control-request-method': kind.accessControlRequestMethod,
  'user-agent': kind.userAgent,
  forwarded: kind.fromTrustedProxy,
  'x-real-ip': kind.fromTrustedProxy,
}

const dropped = [
  // Hop-by-hop, RFC 9110 section 7.6.1 and its predecessors.
  ...['keep-alive', 'proxy-connection', 'proxy-authorization', 'proxy-authenticate', 'te', 'trailer', 'http2-settings'],
  // Each of these makes some framework judge another request than the one we judged.
  ...[
    'x-http-method-override',
    'x-http-method',
    'x-method-override',
    'x-original-url',
    'x-rewrite-url',
    'x-original-host',
  ],
]

/** Headers that Sallyport sets itself under any preset: a caller's are dropped whatever the file says. */
const identityHeaders = [
  ...['X-Org-Id', 'X-Org-Name', 'X-Key-Id', 'X-Key-Name', 'X-Key-Scopes', 'X-Key-Environment'],
  ...['X-Workspace-Id', 'X-Service-Account-Id', 'Sallyport-Context'],
  ...[
    'X-Consumer-Id',
    'X-Consumer-Custom-Id',
    'X-Consumer-Username',
    'X-Credential-Identifier',
    'X-Anonymous-Consumer',
  ],
  ...['X-Consumer-Groups', 'X-Authenticated-Groups', 'X-Credential-Username'],
]

const namesKeptMax = 2000

/** @param ours names of headers that we set, beside those of `identityHeaders`. */
export function compileHeaderKinds(ours: readonly string[]): (name: string) => HeaderKind {
  const byName = new Map<string, HeaderKind>(Object.entries(known))
  for (const name of [...dropped, ...identityHeaders, ...ours]) byName.set(foldName(name), kind.drop)
  const plainNames = new Set(Object.keys(known))

  const classify = (name: string): HeaderKind => {
    const folded = foldName(name)
    const found = byName.get(folded)
    if (found === undefined) return folded.startsWith('x-forwarded-') ? kind.fromTrustedProxy : kind.forward
    // `Content_Length` is not Content-Length here, but could be to the upstream: it goes no further.
    return found === kind.drop || plainNames.has(name.toLowerCase()) ? found : kind.drop
  }

  const kept = new Map<string, HeaderKind>()
  return (name) => {
    const seen = kept.get(name)
    if (seen !== undefined) return seen
    const found = classify(name)
    if (kept.size < namesKeptMax) kept.set(name, found)
    return found
  }
}
