import { isIPv6 } from 'node:net'

/**
 * Whether a Host (RFC 9110 section 7.2), in lower case, is a name, an IPv4 address or an [IPv6] one, with a port or without:
 * not empty, not percent-encoded, and nothing that a resolver or another parser would cut, fold or read past.
 */
export function isHost(host: string): boolean {
  const found = pattern.exec(host)
  if (found === null) return false
  const [, name, address, port] = found
  if (port !== undefined && (Number(port) === 0 || Number(port) > 65535)) return false
  // 253 characters, and the point behind that a name may end with.
  return address === undefined ? (name as string).length <= 254 : isIPv6(address)
}

const label = '[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?'
const pattern = new RegExp(`^(?:(${label}(?:\\.${label})*\\.?)|\\[([0-9a-f:.]{2,45})\\])(?::(\\d{1,5}))?$`)
