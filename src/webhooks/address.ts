import { BlockList, isIPv4, isIPv6 } from 'node:net'

/**
 * Whether an address is one of the public internet: whoever may name a webhook's target could else reach what only the
 * gateway can (SSRF). Deny by default: of IPv6 the global unicast block alone counts, so that mapped (::ffff:0:0/96),
 * NAT64 (64:ff9b::/96), loopback, link-local, site-local, unique local and multicast addresses are none.
 * @param address as a resolver gives it: the usual text of an IPv4 or IPv6 address, without brackets.
 */
export function isPublicAddress(address: string): boolean {
  if (isIPv4(address)) return !special4.check(address, 'ipv4')
  // One with a zone names an interface of this machine.
  if (!isIPv6(address) || address.includes('%')) return false
  return globalUnicast.check(address, 'ipv6') && !special6.check(address, 'ipv6')
}

/** The IANA registry of special-purpose IPv4 addresses, multicast, and what a cloud keeps for its own machines (Azure). */
const special4 = blockList('ipv4', [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['168.63.129.16', 32],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.31.196.0', 24],
  ['192.52.193.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['192.175.48.0', 24],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
])

const globalUnicast = blockList('ipv6', [['2000::', 3]])

/** What of it leads elsewhere: Teredo and other protocol assignments, documentation, 6to4, AS112. */
const special6 = blockList('ipv6', [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['2620:4f:8000::', 48],
  ['3fff::', 20],
])

function blockList(family: 'ipv4' | 'ipv6', networks: readonly (readonly [string, number])[]): BlockList {
  const list = new BlockList()
  for (const [network, prefix] of networks) list.addSubnet(network, prefix, family)
  return list
}
