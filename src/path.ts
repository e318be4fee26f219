/**
 * The one form of a path: what is matched, and what is forwarded, to the byte (RFC 3986 sections 3.3 and 6.2.2).
 * Characters that may stand raw in a segment stand raw, all others are percent-encoded with upper-case hex.
 *
 * @param raw the path of a request target, without query, one character per byte.
 * @returns the canonical path, or undefined for one that two servers could read differently: dot segments, empty
 *   segments (one final `/` is allowed), `\`, encoded `/` `\` `?` `#`, NUL and control characters, `;`, `%25` before two
 *   hex digits or `u` and four, broken escapes, invalid UTF-8, raw non-ASCII, `?` and `#`.
 */
export function canonicalPath(raw: string): string | undefined {
  return canonical.test(raw) ? raw : rewrite(raw)
}

/** Most paths are canonical as they come: no escapes, nothing to escape, no bad segment. Linear, and allocates nothing. */
const canonical = /^(?:\/(?!\.\.?(?:\/|$))[A-Za-z0-9._~!$&'()*+,=:@-]+)+\/?$|^\/$/

/** A canonical segment → the text that it stands for: `caf%C3%A9` → `café`. @throws URIError on text that is not canonical. */
export const decodeSegment = (canonicalSegment: string): string =>
  canonicalSegment.includes('%') ? decodeURIComponent(canonicalSegment) : canonicalSegment

/** The slow way, for a path with escapes or with characters that have to be escaped. */
function rewrite(raw: string): string | undefined {
  if (raw.charCodeAt(0) !== slash) return undefined
  let path = '/'
  let segmentStart = 1
  for (let i = 1; i < raw.length; i++) {
    const code = raw.charCodeAt(i)
    if (code === slash) {
      if (isBadSegment(path, segmentStart, path.length)) return undefined
      path += '/'
      segmentStart = path.length
    } else if (code === percent) {
      const byte = hexByte(raw, i + 1)
      if (byte < 0) return undefined
      i += 2
      if (byte > 127) {
        const length = utf8Length(raw, i - 2, byte)
        if (length === 0) return undefined
        path += raw.slice(i - 2, i - 2 + 3 * length).toUpperCase()
        i += 3 * (length - 1)
      } else {
        const text = forms[byte]
        if (text === undefined) return undefined
        path += text
      }
    } else {
      // What is refused encoded is refused raw as well; a raw space or non-ASCII byte is not HTTP.
      const text = code > 127 || code === space ? undefined : forms[code]
      if (text === undefined) return undefined
      path += text
    }
  }
  if (segmentStart < path.length && isBadSegment(path, segmentStart, path.length)) return undefined
  // Judged on the result: %25%34%31 has become %2541, which a server that decodes twice reads as A.
  return doubleEncoded.test(path) ? undefined : path
}

/** The second form is what becomes `%u002f`, which some servers decode as well. */
const doubleEncoded = /%25(?:[0-9A-Fa-f]{2}|[uU][0-9A-Fa-f]{4})/

/** Empty, `.` or `..`. */
function isBadSegment(path: string, start: number, end: number): boolean {
  if (end - start > 2) return false
  if (end === start) return true
  if (path.charCodeAt(start) !== dot) return false
  return end - start === 1 || path.charCodeAt(start + 1) === dot
}

/** @returns the byte that two hex digits stand for, -1 when there are not two. */
function hexByte(text: string, index: number): number {
  const high = hexDigit(text.charCodeAt(index))
  const low = hexDigit(text.charCodeAt(index + 1))
  return high < 0 || low < 0 ? -1 : high * 16 + low
}

function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48
  const lower = code | 32
  return lower >= 97 && lower <= 102 ? lower - 87 : -1
}

/**
 * How many escapes from `index` on make one character, by the table of well-formed sequences (Unicode 15, table 3-7):
 * no overlong forms, no surrogates, nothing above U+10FFFF. 0 for an invalid sequence and for C1 controls.
 */
function utf8Length(text: string, index: number, first: number): number {
  if (first < 0xc2 || first > 0xf4) return 0
  const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
  for (let k = 1; k < length; k++) {
    const byte = text.charCodeAt(index + 3 * k) === percent ? hexByte(text, index + 3 * k + 1) : -1
    const least = k > 1 ? 0x80 : first === 0xe0 || first === 0xc2 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80
    const most = k > 1 ? 0xbf : first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf
    if (byte < least || byte > most) return 0
  }
  return length
}

const [slash, percent, dot, space] = [47, 37, 46, 32]

/** RFC 3986 pchar without pct-encoded, and without `;`, which some servers cut a segment at. */
const mayStandRaw = /^[A-Za-z0-9._~!$&'()*+,=:@-]$/

/** Never allowed, raw or encoded: controls, and what some server takes for a separator or the end of the path. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it looks for
const refused = /^[\x00-\x1f\x7f/\\?#;]$/
/** The canonical form of each ASCII character, undefined for those that are refused. */
const forms = Array.from({ length: 128 }, (_, code) => {
  const character = String.fromCharCode(code)
  if (refused.test(character)) return undefined
  return mayStandRaw.test(character) ? character : `%${code.toString(16).toUpperCase().padStart(2, '0')}`
})
