/** What a key looks like from outside: a fixed beginning, then a fixed number of characters of one class. */
export interface KeyShape {
  readonly marker: string
  readonly bodyLength: number
  /** 1 at the character codes that a body may hold. */
  readonly bodyChars: Uint8Array
}

/** Something shaped like a key. Offsets are those of the text as it came; `key` is decoded. */
export interface KeySpan {
  readonly start: number
  readonly end: number
  readonly key: string
}

export interface KeyScanner {
  contains(text: string): boolean
  /** All of them, by their start; they may overlap, and one may be found more than once. */
  find(text: string): KeySpan[]
}

/**
 * Compiles shapes into a search that also sees through percent-encoding, once or several times, of the whole or of single
 * characters. Runs over path and query of every request: time and memory are linear in the text, whatever it holds.
 */
export function compileScanner(shapes: readonly KeyShape[]): KeyScanner {
  // An escape is longer than what it stands for: no encoding makes a key shorter.
  const shortest = Math.min(...shapes.map(({ marker, bodyLength }) => marker.length + bodyLength))
  const markers = shapes.map(({ marker }) => marker)
  const find = (text: string): KeySpan[] => {
    const spans: KeySpan[] = []
    let layer: Layer | undefined = { text, origin: undefined }
    for (let depth = 0; layer !== undefined; depth++) {
      for (const shape of shapes) for (const span of spansIn(layer, shape)) spans.push(span)
      layer = decodeLayer(layer, depth)
    }
    return spans.sort((a, b) => a.start - b.start)
  }
  // Nearly every text ends here: no beginning of a key as it stands, and no escapes, or none in a part that is long enough.
  const mayContain = (text: string): boolean =>
    text.length >= shortest && (markers.some((marker) => text.includes(marker)) || hasEncodedRun(text, shortest))
  return {
    contains: (text) => mayContain(text) && find(text).length > 0,
    find: (text) => (mayContain(text) ? find(text) : []),
  }
}

/** Whether there are so many characters of keys and escapes in a row, with an escape in the text. */
function hasEncodedRun(text: string, length: number): boolean {
  if (!text.includes('%')) return false
  let run = 0
  for (let at = 0; at < text.length; at++) {
    run = runChars[text.charCodeAt(at)] === 1 ? run + 1 : 0
    if (run >= length) return true
  }
  return false
}

/** The text after some rounds of decoding. `origin` maps its offsets to those of the text as it came; undefined: the same. */
interface Layer {
  readonly text: string
  readonly origin: Int32Array | undefined
}

class Cursor {
  /** Where to look for the next marker. */
  from = 0
  /** Up to here the characters are known to be of the body's class, so that none is looked at twice. */
  bodyEnd = 0
}

function* spansIn({ text, origin }: Layer, shape: KeyShape): Generator<KeySpan> {
  const cursor = new Cursor()
  for (let at = nextKey(text, shape, cursor); at !== -1; at = nextKey(text, shape, cursor)) {
    const end = at + shape.marker.length + shape.bodyLength
    yield { start: origin?.[at] ?? at, end: origin?.[end] ?? end, key: text.slice(at, end) }
  }
}

/** @returns where the next key starts, -1 when there is none. Overlapping ones are found too: a decoy must not hide a key. */
function nextKey(text: string, { marker, bodyLength, bodyChars }: KeyShape, cursor: Cursor): number {
  for (let at = text.indexOf(marker, cursor.from); at !== -1; at = text.indexOf(marker, at + 1)) {
    const bodyAt = at + marker.length
    const end = bodyAt + bodyLength
    if (end > text.length) break
    let bodyEnd = Math.max(cursor.bodyEnd, bodyAt)
    while (bodyEnd < end && bodyChars[text.charCodeAt(bodyEnd)] === 1) bodyEnd++
    cursor.bodyEnd = bodyEnd
    cursor.from = at + 1
    if (bodyEnd >= end) return at
  }
  cursor.from = text.length
  return -1
}

/**
 * The next layer: a few rounds one by one, as a chain of servers would decode, then all that is left in one pass, so that
 * `%252525…` costs no more than its length.
 * @returns undefined when there is nothing to decode.
 */
function decodeLayer({ text, origin }: Layer, depth: number): Layer | undefined {
  if (depth > singleRounds || !text.includes('%')) return undefined
  const toTheEnd = depth === singleRounds
  const chars = new Uint16Array(text.length)
  const starts = new Int32Array(text.length + 1)
  let size = 0
  // In a single round an escape that comes out of another one is left for the next round.
  let floor = 0
  for (let at = 0; at < text.length; at++) {
    chars[size] = text.charCodeAt(at)
    starts[size] = origin?.[at] ?? at
    size++
    while (size - 3 >= floor && chars[size - 3] === percent) {
      const high = hexValue(chars[size - 2])
      const low = hexValue(chars[size - 1])
      if (high < 0 || low < 0) break
      size -= 2
      chars[size - 1] = high * 16 + low
      if (!toTheEnd) floor = size
    }
  }
  if (size === text.length) return undefined
  starts[size] = origin?.[text.length] ?? text.length
  return { text: Buffer.from(chars.buffer, 0, size * 2).toString('utf16le'), origin: starts }
}

/** Code → 1 for `%` and everything that RFC 3986 calls unreserved: an encoded key is made of nothing else. */
const runChars = Uint8Array.from({ length: 128 }, (_, code) =>
  /[A-Za-z0-9._~%-]/.test(String.fromCharCode(code)) ? 1 : 0,
)
const singleRounds = 3
const percent = 0x25

const hexValue = (code = 0): number => {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const upper = code & ~0x20
  return upper >= 0x41 && upper <= 0x46 ? upper - 0x37 : -1
}
