/** Response headers that end at the gateway: hop-by-hop ones, and those that are ours to set. */
const dropped = new Set([
  ...['connection', 'keep-alive', 'proxy-connection', 'proxy-authenticate', 'te', 'upgrade', 'transfer-encoding'],
  // Node refuses it where it sends no chunks, as to HEAD and to 1.0; the trailers themselves come without it as well.
  ...['trailer', 'x-request-id'],
])

/**
 * Reads the head of a response for the way back.
 * @param raw names and values as received, alternating.
 * @param corsIsOurs the gateway answers CORS for this route: the API's own answer would contradict it.
 * @returns flat name-value pairs, or undefined when it can't be passed on safely.
 */
export function readResponseHeaders(raw: readonly Buffer[], status: number, corsIsOurs: boolean): string[] | undefined {
  // 101 comes here only where it names no protocol, or nobody has asked for one.
  if (status < 100 || status === 101) return undefined
  const headers: string[] = []
  let connection: string | undefined
  let encodings = 0
  for (let index = 0; index < raw.length; index += 2) {
    const name = (raw[index] as Buffer).toString('latin1')
    const value = (raw[index + 1] as Buffer).toString('latin1')
    const lower = lowerCase(name)
    if (lower === 'connection') connection = connection === undefined ? value : `${connection},${value}`
    // A coding that we don't undo and the caller isn't told of would make another body of it.
    if (lower === 'transfer-encoding' && (value.toLowerCase() !== 'chunked' || ++encodings > 1)) return undefined
    if (dropped.has(lower) || lower.startsWith('ratelimit')) continue
    if (lower === 'content-length' && status === 204) continue
    if (corsIsOurs && lower.startsWith('access-control-')) continue
    headers.push(name, value)
  }
  return connection === undefined ? headers : withoutNamed(headers, connection)
}

/** RFC 9110 section 7.6.1: what Connection names is meant for us alone. */
function withoutNamed(headers: string[], connection: string): string[] {
  if (namesNothing.test(connection)) return headers
  const named = new Set(
    connection
      .toLowerCase()
      .split(',')
      .map((token) => token.trim()),
  )
  // A server can't make us drop the framing of its body.
  for (const token of ['keep-alive', 'close', 'content-length']) named.delete(token)
  if (named.size === 0) return headers
  const rest: string[] = []
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] as string
    if (!named.has(name.toLowerCase())) rest.push(name, headers[index + 1] as string)
  }
  return rest
}

/** What servers commonly send. */
const namesNothing = /^(?:keep-alive|close)$/i

const lowerCased = new Map<string, string>()

/** The same few names come again and again; the map stops growing before an upstream could fill it. */
function lowerCase(name: string): string {
  const seen = lowerCased.get(name)
  if (seen !== undefined) return seen
  const lower = name.toLowerCase()
  if (lowerCased.size < 2000) lowerCased.set(name, lower)
  return lower
}
