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

const [quote, comma, backslash, openBrace, closeBrace] = [0x22, 0x2c, 0x5c, 0x7b, 0x7d]
