/**
 * Oracle O3 of the threat model: the path matched is the path forwarded, byte for byte, and origins that read paths
 * differently all find the same rule in it. Pure functions, written without the gateway's own code: a fault there is none here.
 */
export const interpreters: readonly Interpreter[] = [
  { name: 'literal', read: (path) => path },
  { name: 'RFC 3986 dots', read: (path) => removeDots(path) },
  { name: 'decode, dots, merge slashes', read: (path) => removeDots(mergeSlashes(decode(path))) },
  { name: 'double decode', read: (path) => removeDots(mergeSlashes(decode(decode(path)))) },
  { name: 'strips ;params', read: (path) => removeDots(mergeSlashes(stripParams(decode(path)))) },
  { name: 'backslash as slash', read: (path) => removeDots(mergeSlashes(backslashes(decode(path)))) },
  { name: 'case-insensitive', read: (path) => decode(path), readName: foldCase, foldsCase: true },
  { name: 'truncates at NUL, # and ?', read: (path) => truncate(decode(path)) },
  { name: 'strips controls and spaces', ...stripping(/[\p{Cc} \xa0]/gu) },
  { name: 'strips controls, spaces and non-ASCII', ...stripping(/[^!-~]/g) },
]

/** An origin's way to read a path, and what becomes of the names of its own routes on that way. */
export interface Interpreter {
  readonly name: string
  /** From the bytes of a path, one character each, to what the origin looks up. Text is Unicode where it decodes. */
  read(path: string): string
  /** What a literal of a pattern, decoded, is looked up as. Left out: as it is written. */
  readName?(literal: string): string
  /** Compared without regard to case. */
  readonly foldsCase?: true
}

export interface Rule {
  /** As in the file: `:name`, a final `*`, and literals that may be percent-encoded. */
  readonly path: string
  /** What tells two of them apart. */
  readonly rule: string
}

/**
 * The rule that an origin would apply: of all patterns that match, the most specific, segment by segment.
 * @returns undefined when none matches.
 */
function ruleOf(rules: readonly Rule[], path: string, interpreter: Interpreter): string | undefined {
  const literal = interpreter.name === 'literal' || interpreter.name === 'RFC 3986 dots'
  const read = interpreter.read(path)
  const text = interpreter.foldsCase ? foldCase(read) : read
  const segments = text.split('/').slice(1)
  if (segments.at(-1) === '') segments.pop()
  const nameOf = (source: string): string => {
    if (literal) return encode(decode(source))
    const name = interpreter.readName?.(decode(source)) ?? decode(source)
    return interpreter.foldsCase ? foldCase(name) : name
  }
  const matching = rules.flatMap(({ path: pattern, rule }) => {
    const rank = rankOf(pattern.split('/').slice(1), segments, nameOf)
    return rank === undefined ? [] : [{ rank, rule }]
  })
  matching.sort((a, b) => (a.rank < b.rank ? -1 : a.rank > b.rank ? 1 : 0))
  return matching[0]?.rule
}

/** Every interpreter that reads an accepted path as another rule than the one that it was judged by. */
export function dissenters(
  rules: readonly Rule[],
  path: string,
  judgedBy: string,
  among: readonly Interpreter[] = interpreters,
): string[] {
  return among.flatMap((interpreter) => {
    const found = ruleOf(rules, path, interpreter)
    // What an origin knows no rule for is not another rule.
    return found === undefined || found === judgedBy
      ? []
      : [`${interpreter.name}: ${interpreter.read(path)} is ${found}`]
  })
}

/** Origins made of several habits: how often they decode, what they cut, fold and leave out, in every combination. */
export function compositions(): Interpreter[] {
  const all: Interpreter[] = []
  const leftOut: readonly (readonly [string, RegExp | undefined])[] = [
    ['', undefined],
    ['spaces', /[\p{Cc} \xa0]/gu],
    ['non-ASCII', /\P{ASCII}/gu],
    ['spaces and non-ASCII', /[^!-~]/g],
  ]
  for (const decodings of [1, 2]) {
    for (const cuts of [false, true]) {
      for (const normalises of [false, true]) {
        for (const [what, drop] of leftOut) {
          for (const folds of ['', 'before', 'after'] as const) {
            const clean = (text: string): string => {
              let result = normalises ? text.normalize('NFKC') : text
              if (folds === 'before') result = foldCase(result)
              if (drop) result = result.replace(drop, '')
              return folds === 'after' ? foldCase(result) : result
            }
            all.push({
              name: [`decodes ${decodings}x`, cuts && 'cuts', normalises && 'NFKC', what && `drops ${what}`, folds]
                .filter(Boolean)
                .join(', '),
              read(path) {
                let text = clean(decode(path))
                if (decodings === 2) text = clean(decode(text))
                if (cuts) text = stripParams(truncate(backslashes(text)))
                return removeDots(mergeSlashes(text))
              },
              readName: clean,
            })
          }
        }
      }
    }
  }
  return all
}

/** Lower is more specific: a literal before a parameter before `*`, at the first segment where two differ. */
function rankOf(
  pattern: readonly string[],
  segments: readonly string[],
  nameOf: (source: string) => string,
): string | undefined {
  let rank = ''
  let at = 0
  for (const source of pattern) {
    if (source === '*') return `${rank}2`
    if (source === '') continue
    if (source.startsWith(':')) {
      if (segments[at] === undefined) return undefined
      rank += '1'
      at++
      continue
    }
    const name = nameOf(source)
    // An origin that leaves a whole name out has its route one level higher.
    if (name === '') continue
    if (segments[at] !== name) return undefined
    rank += '0'
    at++
  }
  return at === segments.length ? rank : undefined
}

/** Percent-decoding once, of bytes; text where they are UTF-8, else one character per byte. Broken escapes stay. */
function decode(path: string): string {
  const bytes = Buffer.from(
    path.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    // Anything beyond a byte is text already.
    /[\u0100-\uffff]/.test(path) ? 'utf8' : 'latin1',
  )
  const text = bytes.toString('utf8')
  return text.includes('\ufffd') ? bytes.toString('latin1') : text
}

/** As RFC 3986 writes a segment, with no more escapes than it needs. */
const encode = (text: string): string =>
  encodeURIComponent(text).replace(/%(24|26|2B|2C|3A|3D|40)/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )

const mergeSlashes = (path: string): string => path.replace(/\/{2,}/g, '/')
const backslashes = (path: string): string => path.replaceAll('\\', '/')
const stripParams = (path: string): string => path.replace(/;[^/]*/g, '')
const truncate = (path: string): string => path.replace(/[\0#?].*$/s, '')

/** Unicode full case folding, as near as the platform has it: `ſ` and `K` become ASCII. */
function foldCase(text: string): string {
  return text.toLowerCase().toUpperCase().toLowerCase()
}

/** RFC 3986 section 5.2.4. */
function removeDots(path: string): string {
  const kept: string[] = []
  const segments = path.split('/').slice(1)
  for (const [index, segment] of segments.entries()) {
    const last = index === segments.length - 1
    if (segment === '..') kept.pop()
    if (segment !== '.' && segment !== '..') kept.push(segment)
    else if (last) kept.push('')
  }
  return `/${kept.join('/')}`
}

function stripping(unwanted: RegExp): Pick<Interpreter, 'read' | 'readName'> {
  const strip = (text: string): string => text.replace(unwanted, '')
  return { read: (path) => removeDots(mergeSlashes(strip(decode(path)))), readName: strip }
}
