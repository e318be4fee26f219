/** What a caller's `traceparent` and `tracestate` say (W3C Trace Context). */
export interface TraceContext {
  /** 32 digits. */
  readonly traceId: string
  /** 16 digits: the span that the caller made of its own work. */
  readonly parentId: string
  readonly flags: number
  /** As a header of version 00, the one that is known. */
  readonly traceparent: string
  /** Valid and within bounds, or undefined. */
  readonly tracestate: string | undefined
}

/** The caller has recorded its part. */
export const sampledFlag = 1
/** Level 2: the trace id is random. */
export const randomFlag = 2

/**
 * Reads them strictly: what is not exactly as the recommendation has it is as good as nothing, and so is a list.
 * @param tracestate several headers joined by commas, in the order in which they came.
 * @returns undefined where there is no valid traceparent; tracestate means nothing then (section 3.3).
 */
export function readTraceContext(traceparent: string, tracestate: string | undefined): TraceContext | undefined {
  const found = known.exec(traceparent) ?? later.exec(traceparent)
  if (found === null) return undefined
  const [, traceId = '', parentId = '', flagDigits = ''] = found
  if (traceId === noTrace || parentId === noSpan) return undefined
  const isKnown = traceparent.startsWith('00-')
  const flags = Number.parseInt(flagDigits, 16) & (isKnown ? 0xff : sampledFlag)
  return {
    traceId,
    parentId,
    flags,
    traceparent: isKnown ? traceparent : formatTraceparent(traceId, parentId, flags),
    tracestate: tracestate === undefined ? undefined : readTracestate(tracestate),
  }
}

export const formatTraceparent = (traceId: string, spanId: string, flags: number): string =>
  `00-${traceId}-${spanId}-${flags < 16 ? '0' : ''}${flags.toString(16)}`

/**
 * Members in their order, newest first. One that is malformed, named twice or the 33rd makes the whole invalid; when it is
 * longer than 512 characters, the long members go first, then those at the end (section 3.3.1.5).
 */
export function readTracestate(text: string): string | undefined {
  if (text.length > textMax) return undefined
  const members: string[] = []
  const keys = new Set<string>()
  for (const part of text.split(',')) {
    const member = part.trim()
    // Empty ones are allowed, and mean nothing.
    if (member === '') continue
    const key = memberForm.exec(member)?.[1]
    if (key === undefined || keys.has(key) || members.length === membersMax) return undefined
    keys.add(key)
    members.push(member)
  }
  const kept = shorten(members)
  return kept.length === 0 ? undefined : kept.join(',')
}

function shorten(members: readonly string[]): readonly string[] {
  if (lengthOf(members) <= charactersMax) return members
  const short = members.filter(({ length }) => length <= longMember)
  while (lengthOf(short) > charactersMax) short.pop()
  return short
}

const lengthOf = (members: readonly string[]): number => members.reduce((sum, { length }) => sum + length + 1, 0) - 1

const known = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/
// Section 3.2.4: whatever a later version adds stands behind a dash. A comma would be a second header.
const later = /^(?!00|ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-[^,]*)?$/
const noTrace = '0'.repeat(32)
const noSpan = '0'.repeat(16)

const membersMax = 32
const charactersMax = 512
const longMember = 128
const textMax = 16_384
// A key of one vendor, or of a tenant at one; then what is printable, without comma and equals sign, and not ending with a space.
const memberForm =
  /^([a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})=[ -+\--<>-~]{0,255}[!-+\--<>-~]$/
