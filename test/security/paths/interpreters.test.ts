import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Pattern, parsePattern } from '../../../src/config/pattern.ts'
import { buildRouteTable } from '../../../src/gateway/route-table.ts'
import { canonicalPath } from '../../../src/path.ts'
import { compositions, dissenters, interpreters, type Rule } from '../interpreters.ts'

/** Few letters and many disguises of them, so that paths and patterns meet often. */
const letters = ['a', 'b', 'A', 'B', 'k', 's', 'i', '.', '-', '~', '+', ':', '@', '=', ',', '*', '0']
const disguises = [
  ...['%61', '%41', '%4b', '%2e', '%2E', '%20', '%25', '%2a', '%7e', '%2525', '%2561', '%25u0061', '%252e', '%c0%af'],
  ...['%C3%A9', '%C2%A0', '%E2%80%8B', '%E2%84%AA', '%C5%BF', '%C4%B0', '%C4%B1', '%EF%BD%81', '%EF%BC%A1', '%CC%81'],
  ...['%EF%BC%8F', '%EF%BC%8E', '%E2%80%A4', '%E2%80%A5', '%E2%80%A6', '%EF%BC%9B', '%EF%BC%9F', '%EF%BC%83'],
  ...['%EF%BC%BC', '%EF%BC%85', '%EF%BB%BF', '%F0%9D%90%9A', '%E2%93%90', '%C3%9F', '%E1%BA%9E', '%EF%AC%81'],
]
const nameLike = fc
  .array(
    fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom('a', 'b', 'k', 's', 'i') },
      fc.constantFrom(...letters),
      fc.constantFrom(...disguises),
    ),
    {
      minLength: 1,
      maxLength: 3,
    },
  )
  .map((parts) => parts.join(''))
const patternText = fc
  .record({
    segments: fc.array(fc.oneof({ weight: 3, arbitrary: nameLike }, fc.constant(':')), { maxLength: 3 }),
    wildcard: fc.boolean(),
  })
  .map(
    ({ segments, wildcard }) =>
      `/${[...segments.map((text, at) => (text === ':' ? `:p${at}` : text)), ...(wildcard ? ['*'] : [])].join('/')}`,
  )
  .filter((text) => typeof parsePattern(text) !== 'string')
const path = fc
  .tuple(fc.array(nameLike, { maxLength: 4 }), fc.boolean())
  .map(([segments, slash]) => `/${segments.join('/')}${slash && segments.length > 0 ? '/' : ''}`)

const compile = (text: string): Pattern => {
  const pattern = parsePattern(text)
  return typeof pattern === 'string' ? expect.fail(`${text} ${pattern}`) : pattern
}

/** What the gateway makes of a path with these patterns: the bytes that it forwards and the rule it judges by. */
function judge(patterns: readonly string[], raw: string): { path: string; rule: string } | undefined {
  const canonical = canonicalPath(raw)
  if (canonical === undefined) return undefined
  const table = buildRouteTable(patterns.map((text) => ({ host: undefined, pattern: compile(text), value: text })))
  const rule = table.match(undefined, canonical)?.value
  return rule === undefined ? undefined : { path: canonical, rule }
}

const rulesOf = (patterns: readonly string[]): Rule[] => patterns.map((text) => ({ path: text, rule: text }))

/** `SEED=1 PATH_OF=0:1 npx vitest run …` runs a counterexample again. */
const replay = {
  ...(process.env.SEED !== undefined && { seed: Number(process.env.SEED) }),
  ...(process.env.PATH_OF !== undefined && { path: process.env.PATH_OF }),
}

describe('whatever is accepted is the same rule to every origin', () => {
  const property = (among: typeof interpreters, accepted: { count: number }) =>
    fc.property(
      fc.uniqueArray(patternText, { selector: (text) => compile(text).shape, minLength: 1, maxLength: 6 }),
      path,
      (patterns, raw) => {
        const judged = judge(patterns, raw)
        if (judged === undefined) return
        accepted.count++
        expect(dissenters(rulesOf(patterns), judged.path, judged.rule, among).slice(0, 3)).toEqual([])
      },
    )

  it('of the ten kinds', () => {
    const accepted = { count: 0 }
    fc.assert(property(interpreters, accepted), { numRuns: 6000, ...replay })
    expect(accepted.count).toBeGreaterThan(300)
  }, 60_000)

  it('and of every combination of their habits', () => {
    const accepted = { count: 0 }
    fc.assert(property(compositions(), accepted), { numRuns: 1500, ...replay })
    expect(accepted.count).toBeGreaterThan(50)
  }, 60_000)
})
