import { hash } from 'node:crypto'

/** One admin event as the chain sees it: all that is stored but its own hash. */
export interface ChainedEvent {
  readonly seq: number
  readonly id: string
  readonly at: number
  readonly type: string
  readonly organizationId: string | null
  readonly target: string | null
  readonly actorType: string
  readonly actorId: string | null
  readonly requestId: string | null
  readonly before: unknown
  readonly after: unknown
  readonly prevHash: string
}

/** What the first event follows. */
export const genesisHash = '0'.repeat(64)

/**
 * SHA-256 (hex) over the canonical JSON of an event, the hash before it included: who changes, adds or takes out one
 * event has to recompute all that follow.
 */
export const eventHash = (event: ChainedEvent): string => {
  const { seq, id, at, type, organizationId, target, actorType, actorId, requestId, before, after, prevHash } = event
  // In the order of their names: so it need not be put in order a million times.
  const named = { actorId, actorType, after, at, before, id, organizationId, prevHash, requestId, seq, target, type }
  return hash('sha256', canonicalJson(named))
}

/** JSON with the members of every object in order of their names and no spaces: one text for one value (as RFC 8785). */
export function canonicalJson(value: unknown): string {
  // What was canonical JSON before it was read is so again: then the engine writes it, which is ten times as fast.
  return isInOrder(value) ? (JSON.stringify(value) ?? 'null') : inOrder(value)
}

/** Whether `JSON.stringify` gives the members of every object in the order of their names, and leaves none out. */
function isInOrder(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return typeof value !== 'function' && typeof value !== 'symbol'
  if (Array.isArray(value)) return value.every(isInOrder)
  if ('toJSON' in value) return false
  let last: string | undefined
  for (const name of Object.keys(value)) {
    const member = (value as Readonly<Record<string, unknown>>)[name]
    if (member === undefined || (last !== undefined && name < last) || !isInOrder(member)) return false
    last = name
  }
  return true
}

function inOrder(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => inOrder(item ?? null)).join(',')}]`
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, member]) => `${JSON.stringify(name)}:${inOrder(member)}`)
    return `{${members.join(',')}}`
  }
  return JSON.stringify(value) ?? 'null'
}
