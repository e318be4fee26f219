/**
 * What is wrong with the shape of a JSON text, told without parsing it: to build a value of millions of pieces, or to walk
 * through one that is a thousand levels deep, is what must not be done in the thread that carries traffic.
 * @returns undefined when nothing is. Says nothing of whether it is JSON.
 */
export function jsonShapeProblem(text: string, { levelsMax, valuesMax }: JsonShape): 'deep' | 'many' | undefined {
  let level = 0
  let values = 0
  let inString = false
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at)
    if (inString) {
      if (char === backslash) at++
      else if (char === quote) inString = false
    } else if (char === quote) inString = true
    else if (char === comma) {
      if (++values > valuesMax) return 'many'
    }
    // `[` and `]` differ from `{` and `}` in one bit.
    else if ((char | 0x20) === openBrace) {
      if (++level > levelsMax) return 'deep'
      if (++values > valuesMax) return 'many'
    } else if ((char | 0x20) === closeBrace) level--
  }
  return undefined
}

export interface JsonShape {
  readonly levelsMax: number
  /** Commas and opening brackets: as many as there are values, or nearly so. */
  readonly valuesMax: number
}

/**
 * A name that stands twice in one object, of which one reader would take the first and another the last (RFC 8259
 * section 4). In one pass, whatever is in it.
 * @param text valid JSON.
 */
export function repeatedName(text: string): string | undefined {
  const open: Set<string>[] = []
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at)
    if (char === openBrace) open.push(new Set())
    else if (char === closeBrace) open.pop()
    else if (char === quote) {
      const end = endOfString(text, at)
      if (isBeforeColon(text, end)) {
        // Escapes are undone first: "a" and "\u0061" are the same name.
        const name = String(JSON.parse(text.slice(at, end + 1)))
        const names = open.at(-1)
        if (names?.has(name)) return name
        names?.add(name)
      }
      at = end
    }
  }
  return undefined
}

/** @param at of the quote that begins it. @returns where the one is that ends it. */
function endOfString(text: string, at: number): number {
  for (let end = text.indexOf('"', at + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let backslashes = 0
    while (text.charCodeAt(end - 1 - backslashes) === backslash) backslashes++
    if (backslashes % 2 === 0) return end
  }
  return text.length
}

/** Only names have one behind them; white space may come between (RFC 8259 section 2). */
function isBeforeColon(text: string, end: number): boolean {
  let at = end + 1
  while (whiteSpace.has(text.charCodeAt(at))) at++
  return text.charCodeAt(at) === colon
}

const whiteSpace: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d])
const [quote, comma, colon, backslash, openBrace, closeBrace] = [0x22, 0x2c, 0x3a, 0x5c, 0x7b, 0x7d]
