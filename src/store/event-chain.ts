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
export const eventHash = ({
  seq,
  id,
  at,
  type,
  organizationId,
  target,
  actorType,
  actorId,
  requestId,
  before,
  after,
  prevHash,
}: ChainedEvent): string =>
  hash(
    'sha256',
    canonicalJson({
      seq,
      id,
      at,
      type,
      organizationId,
      target,
      actorType,
      actorId,
      requestId,
      before,
      after,
      prevHash,
    }),
  )

/** JSON with the members of every object in order of their names and no spaces: one text for one value (as RFC 8785). */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item ?? null)).join(',')}]`
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`)
    return `{${members.join(',')}}`
  }
  return JSON.stringify(value) ?? 'null'
}
