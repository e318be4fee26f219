/**
 * Hides what came from the environment in a text for people: problems go to logs and, by the admin API, to browsers, and
 * one of the variables may be a password. Pieces count too, since long values are shown cut off.
 * @param values as the environment gave them. Those of up to 3 letters (`1`, `no`) are no secrets and stay.
 */
export function createHiding(values: Iterable<string>): (text: string) => string {
  const pieces = new Set<string>()
  const lengths = new Set<number>()
  for (const value of new Set(values)) {
    for (const form of new Set([value, encodeURIComponent(value.toWellFormed()), JSON.stringify(value).slice(1, -1)])) {
      const text = form.toLowerCase().slice(0, valueLengthMax)
      const length = Math.min(text.length, pieceLength)
      if (length < lengthMin) continue
      lengths.add(length)
      for (let at = 0; at + length <= text.length; at++) pieces.add(text.slice(at, at + length))
    }
  }
  if (pieces.size === 0) return (text) => text
  return (text) => {
    // Some letters have a lower case that is longer: then no place in the one is a place in the other.
    const lower = text.toLowerCase()
    if (lower.length !== text.length) return [...lengths].some((length) => holds(lower, length)) ? mark : text
    let shown = ''
    let from = 0
    for (const [start, end] of hiddenParts(lower)) {
      shown += text.slice(from, start) + mark
      from = end
    }
    return shown + text.slice(from)
  }

  function holds(text: string, length: number): boolean {
    for (let at = 0; at + length <= text.length; at++) if (pieces.has(text.slice(at, at + length))) return true
    return false
  }

  /** Pieces that lie side by side or over each other are one part. */
  function hiddenParts(text: string): [start: number, end: number][] {
    const parts: [number, number][] = []
    for (let at = 0; at < text.length; at++) {
      for (const length of lengths) {
        if (!pieces.has(text.slice(at, at + length))) continue
        const last = parts.at(-1)
        if (last !== undefined && at <= last[1]) last[1] = Math.max(last[1], at + length)
        else parts.push([at, at + length])
      }
    }
    return parts
  }
}

const mark = '[environment]'
const pieceLength = 6
const lengthMin = 4
/** Nothing longer is shown anywhere. */
const valueLengthMax = 16 * 1024
