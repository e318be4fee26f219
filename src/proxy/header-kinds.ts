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
  traceparent: 17,
  tracestate: 18,
} as const

export type HeaderKind = (typeof kind)[keyof typeof kind]

/**
 * Names that mean the same to an upstream that folds case and what is neither letter nor digit, as CGI and its heirs do: most
 * of them `-`, `_` and `.`, some `!`, `~` and whatever else a name may hold.
 */
export const foldName = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '-')

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
  traceparent: kind.traceparent,
  tracestate: kind.tracestate,
}

/** Beside X-Forwarded-*: what proxies and content networks tell of the caller, and frameworks believe. */
const fromTrustedProxy = [
  ...['forwarded', 'x-forwarded', 'forwarded-for', 'x-original-forwarded-for', 'x-real-ip', 'x-real-port', 'client-ip'],
  ...['true-client-ip', 'x-true-client-ip', 'x-client-ip', 'x-cluster-client-ip', 'x-remote-ip', 'x-remote-addr'],
  ...['cf-connecting-ip', 'cf-connecting-ipv6', 'cf-pseudo-ipv4', 'cf-visitor', 'cf-ipcountry', 'fastly-client-ip'],
  ...['fly-client-ip', 'fastly-ssl', 'x-envoy-external-address', 'x-appengine-user-ip', 'x-azure-clientip'],
  ...[
    'x-azure-socketip',
    'cloudfront-viewer-address',
    'cloudfront-forwarded-proto',
    'x-proxyuser-ip',
    'wl-proxy-client-ip',
  ],
  ...['x-client-cert', 'x-ssl-client-cert', 'ssl-client-cert', 'x-ssl-client-verify', 'x-scheme', 'x-url-scheme'],
  ...['front-end-https', 'x-arr-ssl'],
]

const dropped = [
  // Hop-by-hop, RFC 9110 section 7.6.1 and its predecessors.
  ...['keep-alive', 'proxy-connection', 'proxy-authorization', 'proxy-authenticate', 'te', 'trailer', 'http2-settings'],
  // Each of these makes some framework judge another request than the one we judged.
  ...['x-http-method-override', 'x-http-method', 'x-method-override', 'x-original-method', 'x-original-host', 'x-host'],
  ...['x-original-url', 'x-original-uri', 'x-original-path', 'x-rewrite-url', 'x-rewrite-uri', 'x-override-url'],
  ...['x-http-host-override', 'x-http-path-override', 'x-envoy-original-path', 'x-envoy-original-host', 'request-uri'],
  // HTTP_PROXY in the environment of a CGI program is where its own requests go.
  'proxy',
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
  for (const name of fromTrustedProxy) byName.set(name, kind.fromTrustedProxy)
  for (const name of [...dropped, ...identityHeaders, ...ours]) byName.set(foldName(name), kind.drop)
  const classify = (name: string): HeaderKind => {
    const folded = foldName(name)
    const other = folded.startsWith('x-forwarded-') ? kind.fromTrustedProxy : kind.forward
    const found = byName.get(folded) ?? other
    // `Content_Length` is not Content-Length here, but could be to the upstream: it goes no further. Nor does what a
    // trusted proxy has not said itself, since it replaces the one spelling alone.
    return found === kind.forward || name.toLowerCase() === folded ? found : kind.drop
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
