import { isIP } from 'node:net'
import { plainAddress } from '../config/cidr.ts'

/**
 * The address of the caller: the peer, or, when the peer is a trusted proxy, the last address in X-Forwarded-For that
 * is not one. Whatever stands left of it was written by the caller and is worth nothing.
 */
export function clientAddress(
  peer: string,
  forwardedFor: string | undefined,
  trusts: (address: string) => boolean,
): string {
  if (forwardedFor === undefined || !trusts(peer)) return peer
  let address = peer
  for (const text of forwardedFor.split(',').reverse()) {
    const candidate = plainAddress(text.trim().replace(/^\[(.*)\](?::\d+)?$/, '$1'))
    if (isIP(candidate) === 0) return address
    address = candidate
    if (!trusts(candidate)) return address
  }
  return address
}
