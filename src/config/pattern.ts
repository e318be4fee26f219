import { canonicalPath } from '../path.ts'

/** The path of a route: literal segments, `:name` for exactly one segment, a final `*` for the prefix and all below it. */
export interface Pattern {
  /** As it matches: literals canonical, without a final slash. */
  readonly text: string
  readonly segments: readonly PatternSegment[]
  /** Ends in `*`. */
  readonly wildcard: boolean
  /** Names of the parameters, from left to right. */
  readonly parameters: readonly string[]
  /** Alike for two patterns exactly when they match the same paths: names of parameters are left out. */
  readonly shape: string
}

type PatternSegment =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'parameter'; readonly name: string }

/**
 * Reads a pattern as written in the file. Literals may be written as they are meant (`/café`, `/a b`) or encoded.
 * @returns the pattern, or a complaint that goes on from the text: `/a/* /b` → "has a * before its end; …".
 */
export function parsePattern(text: string): Pattern | string {
  if (!text.startsWith('/')) return 'must start with /'
  const written = text === '/' ? [] : text.slice(1).split('/')
  const wildcard = written.at(-1) === '*'
  if (wildcard) written.pop()
  if (written.at(-1) === '') {
    const bare = text.replace(/(?<!\/)\/+$/, '') || '/'
    return `ends in /; write ${bare} for that path alone, or ${bare === '/' ? '' : bare}/* for it and everything below it`
  }
  const segments: PatternSegment[] = []
  const names = new Set<string>()
  for (const source of written) {
    const segment = parseSegment(source)
    if (typeof segment === 'string') return segment
    if (segment.kind === 'parameter') {
      if (names.has(segment.name)) return `has the parameter :${segment.name} twice; give each its own name`
      names.add(segment.name)
    }
    segments.push(segment)
  }
  const joined = (parameter: (name: string) => string, last: string) =>
    segments.map((segment) => `/${segment.kind === 'literal' ? segment.text : parameter(segment.name)}`).join('') + last
  return {
    text: joined((name) => `:${name}`, wildcard ? '/*' : '') || '/',
    segments,
    wildcard,
    parameters: [...names],
    // Braces never stand in a canonical path, so no literal can look like one of these.
    shape: joined(() => '{}', wildcard ? '/{*}' : '') || '/',
  }
}

function parseSegment(source: string): PatternSegment | string {
  if (source.startsWith(':')) {
    const name = source.slice(1)
    if (parameterName.test(name)) return { kind: 'parameter', name }
    return `has ${quote(source)}, which is not a parameter; a parameter is a whole segment, : and then letters, digits and _`
  }
  const complaint = complaints.find(([wrong]) => wrong.test(source))
  if (complaint) return complaint[1](source)
  const canonical = canonicalPath(`/${source.replace(mustBeEncoded, encodeURIComponent)}`)
  if (canonical === undefined) {
    return `has the segment ${quote(source)}, which is refused in every request, so that this route would never match`
  }
  return { kind: 'literal', text: canonical.slice(1) }
}

const parameterName = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/
const mustBeEncoded = /[ \u{80}-\u{d7ff}\u{e000}-\u{10ffff}]/gu
const quote = (text: string): string => JSON.stringify(text)

/** What people write who know other gateways, and what it should have been. The first that fits is told. */
const complaints: readonly (readonly [wrong: RegExp, tell: (source: string) => string])[] = [
  [/^$/, () => 'has an empty segment (//); no request has one'],
  [/^\*$/, () => 'has a * before its end; * may only be the last segment. For one segment in between write :name'],
  [/^\*\*$/, () => 'has **; write one * as the last segment, it covers everything below'],
  [/\*/, (source) => `has ${quote(source)}; * must be the whole last segment. For a literal asterisk write %2A`],
  [
    /^(\{\*?[^{}]*\*?\}|<[^<>]*>|\[[^[\]]*\])$/,
    (source) => `has ${quote(source)}; a parameter is written ${parameterFor(source)}`,
  ],
  [
    /^\.\.?$/,
    (source) => `has the segment ${quote(source)}; requests with . or .. are refused, write the path that is meant`,
  ],
  [/\?/, () => 'has a ?; a route is chosen by its path alone, leave the query out'],
  [/#/, () => 'has a #; leave it out, browsers never send what follows it'],
  [/;|%3b/i, () => 'has a ;, and requests with one are refused; leave it out'],
  [/\\|%5c/i, () => 'has a \\; segments are divided by /'],
  [/%2f/i, () => 'has an encoded / (%2F), and requests with one are refused'],
  [/%(?![0-9a-f]{2})/i, () => 'has a % without two hex digits behind it; for a literal % write %25'],
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it looks for
  [/[\x00-\x1f\x7f-\x9f]|%[01][0-9a-f]|%7f/i, () => 'has a control character; requests with one are refused'],
]

function parameterFor(source: string): string {
  const name = source.replace(/[^A-Za-z0-9_]+/g, '_').replace(/^_+|_+$/g, '')
  return /^[A-Za-z]/.test(name) ? `:${name}` : ':name'
}

/** The pattern of a configuration that has passed its check. @throws on what that check should have found. */
export function compilePattern(text: string): Pattern {
  const pattern = parsePattern(text)
  if (typeof pattern === 'string') throw new Error(`route ${text}: ${pattern}`)
  return pattern
}
