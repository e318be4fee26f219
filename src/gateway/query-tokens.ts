/** Names of query parameters that are refused, compiled; see SPEC of `query_tokens` in gateway.yaml. */
export interface QueryTokenRule {
  /** Whether path or query carry a credential. `query` with its `?`, or ''. */
  rejects(path: string, query: string): boolean
}

/**
 * @param names of parameters, in any case.
 * @param containsKey whether a text holds something shaped like one of our keys, encoded or not.
 */
export function compileQueryTokens(names: readonly string[], containsKey: (text: string) => boolean): QueryTokenRule {
  const refused = new Set(names.map((name) => name.toLowerCase()))
  const namesToken = (query: string): boolean => {
    for (const pair of query.slice(1).split(/[&;]/)) {
      const equals = pair.indexOf('=')
      let name = (equals === -1 ? pair : pair.slice(0, equals)).toLowerCase()
      // Decoded again and again: an API behind a second decoder sees the name that is in the middle.
      for (let round = 0; round < decodeRoundsMax; round++) {
        if (isOneOf(refused, name)) return true
        const decoded = decodeLoosely(name).replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
        if (decoded === name) break
        name = decoded
      }
    }
    return false
  }
  return {
    rejects: (path, query) => containsKey(path) || (query !== '' && (namesToken(query) || containsKey(query))),
  }
}

const decodeRoundsMax = 4

/**
 * The name as the laxest parsers have it: `api_key[]` and `api_key[0]` are `api_key` to many; some end a name at NUL, take
 * a second `?` for the first, trim blanks or leave out what can't be seen, and to some the Kelvin sign is a k.
 */
function isOneOf(names: ReadonlySet<string>, name: string): boolean {
  if (onlyPlain.test(name)) return names.has(baseName(name))
  const text = Buffer.from(name, 'latin1').toString().normalize('NFKC').toLowerCase().toUpperCase().toLowerCase()
  return [text, text.replace(/\0.*$/s, '')].some((each) => names.has(baseName(each.replace(unseen, ''))))
}

const onlyPlain = /^[a-z0-9_.[\]-]*$/
const unseen = /^\?+|[\s\p{C}]+/gu

const baseName = (name: string): string => {
  const bracket = name.indexOf('[')
  return bracket > 0 ? name.slice(0, bracket) : name
}

const decodeLoosely = (text: string): string =>
  text
    .replaceAll('+', ' ')
    .replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
