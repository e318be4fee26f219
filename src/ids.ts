import { randomFillSync } from 'node:crypto'

export type IdPrefix =
  | 'org'
  | 'key'
  | 'sec'
  | 'ws'
  | 'sa'
  | 'evt'
  | 'job'
  | 'wh'
  | 'whs'
  | 'dlv'
  | 'usr'
  | 'ses'
  | 'pat'
  | 'lnk'
  | 'node'

/**
 * `org_06ewq…`: a prefix and the 128 bits of a UUIDv7 in 26 lower-case base32 letters (Crockford's, so that the order of
 * texts is the order of creation). Grows within a process, whatever the clock does.
 * @param now milliseconds since the epoch.
 */
export function newId(prefix: IdPrefix, now: number): string {
  fill(now)
  let text = ''
  let bits = 0
  // 130 bits: two zero bits in front make 26 whole letters.
  let bitCount = 2
  for (const byte of bytes) {
    bits = (bits << 8) | byte
    bitCount += 8
    while (bitCount >= 5) {
      bitCount -= 5
      text += base32[(bits >>> bitCount) & 31]
    }
    bits &= 31
  }
  return `${prefix}_${text}`
}

/**
 * A UUIDv7 (RFC 9562) with a counter in its 12 upper random bits (method 1 of section 6.2) and 62 cryptographically
 * random bits behind it. Grows within a process, and costs well under a microsecond.
 * @param now milliseconds since the epoch.
 */
export function uuidv7(now: number): string {
  fill(now)
  let end = 0
  for (let at = 0; at < 16; at++) {
    if (at === 4 || at === 6 || at === 8 || at === 10) end++
    const byte = bytes[at] ?? 0
    letters[end++] = hexDigits[byte >>> 4] ?? 0
    letters[end++] = hexDigits[byte & 15] ?? 0
  }
  // One flat text: joined from parts it would be a tree of a dozen objects for as long as the request is remembered.
  return letters.toString('latin1')
}

const base32 = '0123456789abcdefghjkmnpqrstvwxyz'
const hexDigits = Buffer.from('0123456789abcdef', 'latin1')
const letters = Buffer.alloc(36, '-')

// Entropy comes in pools: a system call for each request would cost more than the rest of the id.
const pool = new Uint8Array(8192)
let poolAt = pool.length
const bytes = new Uint8Array(16)
let lastMs = -1
let counter = 0

function fill(now: number): void {
  if (poolAt + 10 > pool.length) {
    randomFillSync(pool)
    poolAt = 0
  }
  const ms = Math.trunc(now)
  if (ms > lastMs) {
    lastMs = ms
    // Starts in the lower half, so that a burst within one millisecond has room to count.
    counter = (((pool[poolAt] ?? 0) << 8) | (pool[poolAt + 1] ?? 0)) & 0x7ff
  } else if (++counter > 0xfff) {
    // The millisecond is used up, or the clock went back: borrow from the next one rather than repeat or go back.
    lastMs++
    counter = 0
  }
  const high = Math.trunc(lastMs / 0x1_0000)
  bytes[0] = high >>> 24
  bytes[1] = high >>> 16
  bytes[2] = high >>> 8
  bytes[3] = high
  bytes[4] = lastMs >>> 8
  bytes[5] = lastMs
  bytes[6] = 0x70 | (counter >>> 8)
  bytes[7] = counter
  for (let at = 8; at < 16; at++) bytes[at] = pool[poolAt + at - 6] ?? 0
  bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f)
  pool.fill(0, poolAt, poolAt + 10)
  poolAt += 10
}
