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
        if (refused.has(baseName(name))) return true
        const decoded = decodeLoosely(name).toLowerCase()
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

/** `api_key[]` and `api_key[0]` are `api_key` to many parsers; blanks around a name are trimmed by some. */
const baseName = (name: string): string => {
  const bracket = name.indexOf('[')
  return (bracket > 0 ? name.slice(0, bracket) : name).trim()
}

const decodeLoosely = (text: string): string =>
  text
    .replaceAll('+', ' ')
    .replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
