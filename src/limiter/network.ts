import { isIPv4, isIPv6 } from 'node:net'
import { plainAddress } from '../config/cidr.ts'

/** Bytes that `writeNetwork` fills. */
export const networkBytes = 9

/**
 * Writes the network that an address is counted as: one byte for the family, then an IPv4 address, or the first 64 bits of
 * an IPv6 address, since a single customer has all of a /64. An IPv4 address in IPv6 clothes counts as IPv4.
 * What is no address counts as one network of its own.
 * @param into at least 9 bytes; those not needed are 0.
 */
export function writeNetwork(address: string, into: Uint8Array): void {
  into.fill(0, 0, networkBytes)
  const plain = plainAddress(address)
  if (isIPv4(plain)) {
    into[0] = 4
    writeIPv4(plain, into)
  } else if (isIPv6(plain)) {
    writeIPv6(plain, into)
  }
}

/** The same as a text, for a Map: an IPv4 address as it is, of an IPv6 address what its /64 comes to. */
export function networkOf(address: string): string {
  const plain = plainAddress(address)
  if (!plain.includes(':')) return plain
  writeNetwork(plain, scratch)
  return String.fromCharCode(...scratch)
}

const scratch = new Uint8Array(networkBytes)

function writeIPv4(address: string, into: Uint8Array): void {
  let at = 1
  let byte = 0
  for (let index = 0; index < address.length; index++) {
    const code = address.charCodeAt(index)
    if (code === dot) {
      into[at++] = byte
      byte = 0
    } else byte = byte * 10 + code - zero
  }
  into[at] = byte
}

function writeIPv6(address: string, into: Uint8Array): void {
  const groups = expand(address)
  // ::ffff:0:0/96, written in hexadecimal.
  const mapped = groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0)
  const from = mapped ? 6 : 0
  into[0] = mapped ? 4 : 6
  for (let index = 0; index < (mapped ? 2 : 4); index++) {
    const group = groups[from + index] ?? 0
    into[1 + 2 * index] = group >>> 8
    into[2 + 2 * index] = group
  }
}

/** The eight groups of a valid IPv6 address. */
function expand(address: string): number[] {
  const [bare = ''] = address.split('%')
  const [head = '', tail] = bare.split('::')
  const before = groupsOf(head)
  if (tail === undefined) return before
  const after = groupsOf(tail)
  return [...before, ...new Array<number>(Math.max(0, 8 - before.length - after.length)).fill(0), ...after]
}

function groupsOf(text: string): number[] {
  if (text === '') return []
  return text.split(':').flatMap((group) => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)]
    const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number)
    return [a * 256 + b, c * 256 + d]
  })
}

const dot = 0x2e
const zero = 0x30
