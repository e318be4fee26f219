import { compileHeaderKinds, foldName, kind } from './header-kinds.ts'

/**
 * Names that the head of a response announces for behind its body, in lower case.
 * @param raw names and values as received, alternating.
 */
export function announcedTrailers(raw: readonly Buffer[]): ReadonlySet<string> | undefined {
  let announced: Set<string> | undefined
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index] as Buffer
    // Told by its length first: this is asked of every header of every response.
    if (name.length !== 7 || name.toString('latin1').toLowerCase() !== 'trailer') continue
    announced ??= new Set()
    for (const token of (raw[index + 1] as Buffer).toString('latin1').toLowerCase().split(',')) {
      announced.add(token.trim())
    }
  }
  return announced
}

/**
 * The trailers that go on: those that were announced, and mean nothing in a head. A caller's library may merge them into the
 * head, where they would come behind everything that has judged it (RFC 9110 section 6.5.1).
 * @returns flat name-value pairs, or undefined when none are left.
 */
export function readTrailers(raw: readonly Buffer[], announced: ReadonlySet<string> | undefined): string[] | undefined {
  if (announced === undefined) return undefined
  const trailers: string[] = []
  for (let index = 0; index < raw.length; index += 2) {
    const name = (raw[index] as Buffer).toString('latin1')
    if (!announced.has(name.toLowerCase()) || meansSomethingInHead(name)) continue
    trailers.push(name, (raw[index + 1] as Buffer).toString('latin1'))
  }
  return trailers.length === 0 ? undefined : trailers
}

function meansSomethingInHead(name: string): boolean {
  // What is more than a plain field in a request (ours, framing, what proxies say) is no trailer of a response either.
  if (kindOf(name) !== kind.forward) return true
  const folded = foldName(name)
  if (folded === 'content-digest') return false
  return names.has(folded) || families.some((family) => folded.startsWith(family))
}

const kindOf = compileHeaderKinds([])

/** Beginnings of names: content, state, authentication, caching, policies of browsers, orders to servers in front, limits. */
const families = [
  ...['content-', 'transfer-', 'set-', 'cookie', 'authentication-', 'www-', 'proxy-', 'cache-', 'cdn-', 'surrogate-'],
  ...['if-', 'accept-', 'alt-', 'access-control-', 'cross-origin-', 'origin-', 'sec-', 'permissions-', 'referrer-'],
  ...['x-accel-', 'x-sendfile', 'x-lighttpd-', 'x-litespeed-', 'x-reproxy-', 'x-cache', 'x-frame-', 'x-content-'],
  ...['x-xss-', 'x-permitted-', 'x-dns-', 'x-robots-', 'x-ua-', 'ratelimit', 'x-ratelimit', 'sallyport-', 'report'],
]

const names: ReadonlySet<string> = new Set([
  ...['location', 'refresh', 'link', 'status', 'server', 'via', 'allow', 'range', 'max-forwards', 'accept', 'from'],
  ...['date', 'age', 'expires', 'vary', 'etag', 'last-modified', 'pragma', 'warning', 'no-vary-search', 'early-data'],
  ...['retry-after', 'sunset', 'deprecation', 'strict-transport-security', 'clear-site-data', 'nel', 'sourcemap'],
  ...['x-sourcemap', 'timing-allow-origin', 'service-worker-allowed', 'public-key-pins', 'expect-ct', 'p3p'],
])
