/**
 * The candidate that someone who wrote `text` most likely meant, for "did you mean".
 * @returns undefined when none is near enough: a third of its letters may be wrong, or one be the beginning of the other.
 */
export function nearest(text: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined
  let bestDistance = Number.POSITIVE_INFINITY
  const wanted = text.slice(0, lengthMax).toLowerCase()
  for (const candidate of candidates) {
    const other = candidate.slice(0, lengthMax).toLowerCase()
    const allowed = isBeginning(wanted, other) ? lengthMax : Math.max(1, Math.floor(candidate.length / 3))
    const distance = editDistance(wanted, other)
    if (distance < bestDistance && distance <= allowed) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

// Both texts may come from outside, and the work grows with the product of their lengths.
const lengthMax = 100

const isBeginning = (one: string, other: string): boolean =>
  Math.min(one.length, other.length) >= 4 && (one.startsWith(other) || other.startsWith(one))

/** Insertions, deletions, replacements and swaps of neighbours that turn one text into the other. */
function editDistance(from: string, to: string): number {
  let before: number[] = []
  let row = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let i = 1; i <= from.length; i++) {
    const next = [i]
    for (let j = 1; j <= to.length; j++) {
      const replaced = at(row, j - 1) + (from[i - 1] === to[j - 1] ? 0 : 1)
      const swapped =
        i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1] ? at(before, j - 2) + 1 : replaced
      next.push(Math.min(replaced, swapped, at(row, j) + 1, at(next, j - 1) + 1))
    }
    before = row
    row = next
  }
  return at(row, to.length)
}

const at = (row: readonly number[], index: number): number => row[index] ?? 0
