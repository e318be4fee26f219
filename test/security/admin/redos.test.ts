import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { type CountedRegex, countSteps } from '../../helpers/regex-steps.ts'

/**
 * Every regular expression of the program, against texts that are made to have it try again and again: what it does grows with
 * the text and not with its square. Steps are counted, not seconds: the outcome is the same on any machine.
 */
const root = fileURLToPath(new URL('../../../src', import.meta.url))

interface Found {
  readonly at: string
  readonly regex: RegExp
}

function regexesOf(path: string): { literals: Found[]; made: string[] } {
  const file = ts.createSourceFile(path, readFileSync(join(root, path), 'utf8'), ts.ScriptTarget.Latest)
  const literals: Found[] = []
  const made: string[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isRegularExpressionLiteral(node)) {
      const [, source = '', flags = ''] = /^\/([\s\S]*)\/([a-z]*)$/.exec(node.text) ?? []
      literals.push({ at: `${path} /${source}/${flags}`, regex: new RegExp(source, flags) })
    }
    if (ts.isNewExpression(node) && node.expression.getText(file) === 'RegExp')
      made.push(`${path} ${node.getText(file)}`)
    ts.forEachChild(node, visit)
  }
  visit(file)
  return { literals, made }
}

const all = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => regexesOf(path.replaceAll('\\', '/')))
const literals = [...new Map(all.flatMap((one) => one.literals).map((one) => [one.at, one])).values()]

/** Those that are not counted, or are not linear by themselves, and why that is no harm. */
const excused: Readonly<Record<string, string>> = {
  'config/shown-text.ts /^(["\'])([\\s\\S]*)\\1$/':
    'anchored at both ends: its one repetition gives back each character once',
}

/** Made of parts when the program starts, as they come out. */
const assembled: readonly Found[] = [
  { at: 'jobs/key-import-line.ts', regex: /^[\x21-\x7e]{1,12}$/ },
  {
    at: 'gateway/host.ts',
    regex:
      /^(?:([a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*\.?)|\[([0-9a-f:.]{2,45})\])(?::(\d{1,5}))?$/,
  },
]
const counted = [...literals, ...assembled]
  .filter(({ at }) => excused[at] === undefined)
  .map((one) => ({ ...one, steps: countSteps(one.regex) }))

const [short, long] = [300, 600]
/** For each character: more is linear in name alone. */
const stepsMax = 300

/** The worst growth of any pumped text, as [text, steps for the short one, steps for the long one]. */
function worst(
  counted: CountedRegex,
): { readonly pump: string; readonly steps: readonly [number, number] } | undefined {
  const letters = counted.letters.slice(0, 6)
  const words = [...letters, ...letters.slice(0, 4).flatMap((a) => letters.slice(0, 4).map((b) => a + b)), '\u0001']
  for (const prefix of counted.prefixes.slice(0, 6)) {
    for (const word of new Set(words)) {
      for (const suffix of prefix === '' ? ['\u0001', ''] : ['\u0001']) {
        const pumped = (length: number): string =>
          prefix + word.repeat(Math.ceil(length / Math.max(word.length, 1))) + suffix
        const first = counted.search(pumped(short), stepsMax * short).steps
        const second = counted.search(pumped(long), stepsMax * long).steps
        // Linear is twice as much; what is little is not looked at.
        if (second > 30 * long && second > 2.6 * first)
          return { pump: JSON.stringify([prefix, word, suffix]), steps: [first, second] }
        if (first > stepsMax * short) return { pump: JSON.stringify([prefix, word, suffix]), steps: [first, second] }
      }
    }
  }
  return undefined
}

describe('a regular expression of the program', () => {
  it('is one of those that are looked at here', () => {
    expect(literals.length).toBeGreaterThan(100)
    const places = all.flatMap(({ made }) => made.map((one) => one.split(' ', 1)[0]))
    expect(places.filter((place) => !assembled.some(({ at }) => at === place))).toEqual([])
    expect(Object.keys(excused).filter((known) => !literals.some(({ at }) => at === known))).toEqual([])
  })

  it('takes steps in proportion to the text, whatever the text is', () => {
    const slow = counted.flatMap(({ at, steps }) => {
      const growth = worst(steps)
      return growth === undefined ? [] : [`${at} ${growth.pump} ${growth.steps.join(' → ')}`]
    })
    expect(slow).toEqual([])
  }, 60_000)
})

describe('the counter of steps', () => {
  it('finds what the engine finds', () => {
    const texts = [
      '',
      'a',
      'ab',
      'aab!',
      'foo-bar',
      '  x ',
      '10.0.0.1',
      'a,b;c',
      'sk_live_00',
      '\n',
      'a\nb',
      '%41',
      'https://x.example/',
      'é',
      'x'.repeat(40),
    ]
    for (const { at, regex, steps } of counted) {
      for (const text of texts) {
        expect([at, text, steps.search(text).found]).toEqual([
          at,
          text,
          new RegExp(regex.source, regex.flags).test(text),
        ])
      }
    }
  })

  it('finds those that are known to be slow', () => {
    for (const regex of [/^(a+)+$/, /^(a|a)*$/, /(.*)*x/, /^(\w+\s?)*$/, /\s+$/, /a.*b.*c$/, /^(?:a*)*$/]) {
      expect([String(regex), worst(countSteps(regex))]).toEqual([String(regex), expect.anything()])
    }
    for (const regex of [/^a+$/, /^\w+-\d+$/, /a/, /^[a-z]{1,63}(?:\.[a-z]{1,63})*$/]) {
      expect([String(regex), worst(countSteps(regex))]).toEqual([String(regex), undefined])
    }
  })
})
