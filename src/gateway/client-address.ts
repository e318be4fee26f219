import { isIP } from 'node:net'

/**
 * The address of the caller: the peer, or, when the peer is a trusted proxy, the last address in X-Forwarded-For that
 * is not one. Whatever stands left of it was written by the caller and is worth nothing.
 * @returns it in its one form (RFC 5952): limits and the log would take two spellings for two callers.
 */
export function clientAddress(
  peer: string,
  forwardedFor: string | undefined,
  trusts: (address: string) => boolean,
): string {
  if (forwardedFor === undefined || !trusts(peer)) return peer
  let address = peer
  for (const text of forwardedFor.split(',').reverse()) {
    const candidate = canonicalAddress(text.trim().replace(/^\[(.*)\](?::\d+)?$/, '$1'))
    if (candidate === undefined) return address
    address = candidate
    if (!trusts(candidate)) return address
  }
  return address
}

/** @returns undefined for what is no address, and for one with a zone: that means something on the proxy's own network alone. */
function canonicalAddress(text: string): string | undefined {
  const family = isIP(text)
  if (family !== 6) return family === 4 ? text : undefined
  if (text.includes('%')) return undefined
  const address = new URL(`http://[${text}]`).hostname.slice(1, -1)
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(address)
  if (mapped === null) return address
  const [high, low] = [Number.parseInt(mapped[1] as string, 16), Number.parseInt(mapped[2] as string, 16)]
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}
