import { compileCidrs } from '../config/cidr.ts'
import { coveredBy } from '../keys/scopes.ts'
import type { ApiKey } from '../store/store.ts'

/** What a key may do: of one that is there, or of one that is asked for. */
export type Rights = Pick<ApiKey, 'environment' | 'scopes' | 'expiresAt' | 'projectId' | 'allowedIps' | 'rateLimit'> & {
  readonly workspaces: readonly { readonly id: string }[]
}

/**
 * Whether one key may do more than another, in any respect: nobody makes or removes a key beyond their own.
 * @returns in which respect, to go on from "that key would have "; undefined when in none.
 */
export function beyond(own: Rights, other: Rights): string | undefined {
  if (own.environment !== null && other.environment !== own.environment) return 'another environment'
  if (!coveredBy(own.scopes, other.scopes)) return 'scopes beyond your own'
  if (!withinWorkspaces(own, other)) return 'workspaces beyond your own'
  if (own.expiresAt !== null && (other.expiresAt ?? Number.POSITIVE_INFINITY) > own.expiresAt) return 'a later expiry'
  if (!withinAddresses(own.allowedIps, other.allowedIps)) return 'addresses beyond your own'
  if (!withinLimit(own.rateLimit, other.rateLimit)) return 'a higher rate limit'
  return undefined
}

function withinWorkspaces(own: Rights, other: Rights): boolean {
  // A bound key has no business outside of its project; an unbound one with the same grant would.
  if (own.projectId !== null && other.projectId === null) return false
  const mine = new Set(own.workspaces.map(({ id }) => id))
  return other.workspaces.every(({ id }) => mine.has(id))
}

/** Each block must lie in one of ours; that several of ours cover it together does not count. */
function withinAddresses(own: readonly string[], other: readonly string[]): boolean {
  if (own.length === 0) return true
  const blocks = own.map((cidr) => ({ ...blockOf(cidr), holds: compileCidrs([cidr]) }))
  const isWithin = (cidr: string): boolean => {
    const { address, version, bits } = blockOf(cidr)
    return blocks.some((block) => block.version === version && block.bits <= bits && block.holds(address))
  }
  return other.length > 0 && other.every(isWithin)
}

function blockOf(cidr: string): { address: string; version: 4 | 6; bits: number } {
  const [address = '', bits] = cidr.split('/')
  const version = address.includes(':') ? 6 : 4
  return { address, version, bits: bits === undefined ? (version === 4 ? 32 : 128) : Number(bits) }
}

/** No more at once, and no more in the long run. */
function withinLimit(own: Rights['rateLimit'], other: Rights['rateLimit']): boolean {
  if (own === null) return true
  if (other === null) return false
  return other.requests <= own.requests && other.requests * own.perMs <= own.requests * other.perMs
}
