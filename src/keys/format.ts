import { hash, randomBytes as systemRandomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'
import type { Config } from '../config/schema.ts'
import type { FreshSecret } from './create.ts'
import { compileScanner, type KeyShape, type KeySpan } from './key-shapes.ts'
import type { SealSecret } from './seal-secret.ts'
import { Secret, secretMark } from './secret.ts'

/** The formats that the configuration names, compiled. Pure but for `generate`. */
export interface KeyFormats {
  /** @returns undefined when format or checksum are wrong: such a text is not worth a look-up. */
  parse(text: string): ApiKeyText | undefined
  /**
   * Makes a key of `prefix_environment_` + 30 random and 6 checksum characters.
   * @param environment one of the configured ones; without effect when none are configured.
   * @throws when the environment is not configured: the key would not be accepted.
   */
  generate(environment: string | null, randomBytes?: (size: number) => Uint8Array): FreshSecret
  /** Whether the text holds something shaped like a key, percent-encoded or not. The checksum is not looked at. */
  containsKey(text: string): boolean
  /** The same, for those that also pass `parse`. At most 20 different ones. */
  extract(text: string): ApiKeyText[]
  /** The text with `[secret]` in place of everything that `containsKey` sees. */
  redact(text: string): string
}

/** A text that passed `parse`. */
class ApiKeyText extends Secret {
  /** Of the whole key: what the store looks up. */
  sha256(): Buffer {
    return hash('sha256', this.reveal(), 'buffer')
  }
}

type KeySettings = Pick<Config['keys'], 'prefix' | 'environments' | 'accept'>

/** @param seal makes the encrypted copy of each new secret; left out: none is kept. */
export function compileKeyFormats({ prefix, environments, accept }: KeySettings, seal?: SealSecret): KeyFormats {
  const markers = environments.length === 0 ? [`${prefix}_`] : environments.map((name) => `${prefix}_${name}_`)
  const scanner = compileScanner([
    ...markers.map((marker) => ({ marker, bodyLength, bodyChars: base62Chars })),
    ...accept.flatMap(acceptedShape),
  ])

  const parse = (text: string): ApiKeyText | undefined => {
    for (const marker of markers) if (isOurs(text, marker)) return new ApiKeyText(text)
    for (const format of accept) if (isAccepted(text, format)) return new ApiKeyText(text)
    return undefined
  }

  return {
    parse,
    generate(environment, randomBytes = systemRandomBytes) {
      if (environments.length > 0 && (environment === null || !environments.includes(environment))) {
        throw new Error(`environment ${environment ?? '(none)'} is not one of keys.environments`)
      }
      const marker = environments.length === 0 ? `${prefix}_` : `${prefix}_${environment}_`
      const payload = marker + randomText(randomLength, randomBytes)
      return freshSecret(payload + checksum(payload), seal)
    },
    containsKey: scanner.contains,
    extract(text) {
      const keys = new Map<string, ApiKeyText>()
      for (const { key } of scanner.find(text)) {
        const parsed = keys.size < extractMax ? parse(key) : undefined
        if (parsed !== undefined) keys.set(key, parsed)
      }
      return [...keys.values()]
    },
    redact: (text) => cutOut(text, scanner.find(text)),
  }
}

/** What the store keeps of a key text, next to the text itself. */
function freshSecret(text: string, seal: SealSecret | undefined): FreshSecret {
  const secret = new ApiKeyText(text)
  const shown = { keyPrefix: text.slice(0, 12), keySuffix: text.slice(-4) }
  return { secret, stored: { sha256: secret.sha256(), ...shown, ...(seal && { seal: seal(secret) }) } }
}

function isOurs(text: string, marker: string): boolean {
  return (
    text.length === marker.length + bodyLength &&
    text.startsWith(marker) &&
    allOf(text, marker.length, base62Chars) &&
    text.endsWith(checksum(text.slice(0, -checksumLength)))
  )
}

function isAccepted(text: string, { prefix, length }: { prefix: string; length: number }): boolean {
  return text.length === length && text.startsWith(prefix) && allOf(text, prefix.length, urlSafeChars)
}

function acceptedShape({ prefix, length }: { prefix: string; length: number }): KeyShape[] {
  const rest = length - prefix.length
  return rest > 0 ? [{ marker: prefix, bodyLength: rest, bodyChars: urlSafeChars }] : []
}

function allOf(text: string, from: number, chars: Uint8Array): boolean {
  for (let at = from; at < text.length; at++) if (chars[text.charCodeAt(at)] !== 1) return false
  return true
}

/** The CRC-32 as six base62 digits, the most significant first. 62^6 > 2^32: none is cut off. */
function checksum(text: string): string {
  let rest = crc32(text)
  let digits = ''
  for (let place = 0; place < checksumLength; place++) {
    digits = base62.charAt(rest % 62) + digits
    rest = Math.floor(rest / 62)
  }
  return digits
}

/** Bytes from 248 up are thrown away: 256 is no multiple of 62, and the first letters would come more often. */
function randomText(length: number, randomBytes: (size: number) => Uint8Array): string {
  let text = ''
  for (let round = 0; round < 100; round++) {
    for (const byte of randomBytes(48)) {
      if (byte >= 248) continue
      text += base62.charAt(byte % 62)
      if (text.length === length) return text
    }
  }
  throw new Error('the random source gives no usable bytes')
}

function cutOut(text: string, spans: readonly KeySpan[]): string {
  let kept = ''
  let from = 0
  for (const { start, end } of spans) {
    // Finds that overlap make one mark.
    if (start >= from) kept += text.slice(from, start) + secretMark
    from = Math.max(from, end)
  }
  return from === 0 ? text : kept + text.slice(from)
}

/** Digits, upper case, lower case: the order of ASCII, so that keys sort alike as text and as numbers. */
const base62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const randomLength = 30
const checksumLength = 6
const bodyLength = randomLength + checksumLength
const extractMax = 20

const charTable = (chars: string): Uint8Array => {
  const table = new Uint8Array(128)
  for (const char of chars) table[char.charCodeAt(0)] = 1
  return table
}
const base62Chars = charTable(base62)
/** RFC 3986 section 2.3, unreserved. */
const urlSafeChars = charTable(`${base62}-._~`)
