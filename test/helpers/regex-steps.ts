/**
 * A backtracking matcher that counts what it does. It tries things in the order in which ECMAScript says (and engines that
 * backtrack do), without any of their short cuts: what is linear here is linear there, on any machine and at any load.
 */
export interface CountedRegex {
  /** Whether it finds a match, and in how many steps. Gives up behind `limit`: then steps are more than that. */
  search(text: string, limit?: number): { readonly found: boolean; readonly steps: number }
  /** Texts that get a match up to each of its repetitions, and a letter for each kind of atom. */
  readonly prefixes: readonly string[]
  readonly letters: readonly string[]
}

type Node =
  | { readonly kind: 'char'; readonly matches: (char: string) => boolean; readonly example: string }
  | { readonly kind: 'sequence' | 'choice'; readonly parts: readonly Node[] }
  | { readonly kind: 'repeat'; readonly part: Node; readonly min: number; readonly max: number; readonly lazy: boolean }
  | { readonly kind: 'assert'; readonly holds: (text: string, at: number) => boolean; readonly isStart: boolean }
  | { readonly kind: 'look'; readonly part: Node; readonly negated: boolean; readonly behind: boolean }

/** What `countSteps` does not know: backreferences, and to look behind further than one character. */
class UnknownSyntax extends Error {
  override readonly name = 'UnknownSyntax'
}

/** @throws UnknownSyntax */
export function countSteps({ source, flags }: RegExp): CountedRegex {
  const tree = parse(source, flags)
  const atStart = !flags.includes('m') && startsAnchored(tree)
  return {
    search(text, limit = Number.POSITIVE_INFINITY) {
      const counter = { steps: 0, limit }
      try {
        for (let at = 0; at <= (atStart ? 0 : text.length); at++) {
          if (match(tree, text, at, () => true, counter)) return { found: true, steps: counter.steps }
        }
      } catch (error) {
        if (error !== exhausted) throw error
      }
      return { found: false, steps: counter.steps }
    },
    prefixes: [...new Set(prefixesOf(tree))],
    letters: [...new Set(lettersOf(tree))],
  }
}

const exhausted = new Error('too many steps')

function match(node: Node, text: string, at: number, next: (at: number) => boolean, counter: Counter): boolean {
  if (++counter.steps > counter.limit) throw exhausted
  switch (node.kind) {
    case 'char':
      return at < text.length && node.matches(text.charAt(at)) && next(at + 1)
    case 'assert':
      return node.holds(text, at) && next(at)
    case 'look':
      if (node.behind && at === 0) return node.negated && next(at)
      return match(node.part, text, node.behind ? at - 1 : at, () => true, counter) !== node.negated && next(at)
    case 'choice':
      return node.parts.some((part) => match(part, text, at, next, counter))
    case 'sequence': {
      const from = (index: number, here: number): boolean => {
        const part = node.parts[index]
        return part === undefined ? next(here) : match(part, text, here, (then) => from(index + 1, then), counter)
      }
      return from(0, at)
    }
    case 'repeat': {
      const { part, min, max, lazy } = node
      const again = (count: number, here: number): boolean => {
        const more = () =>
          count < max &&
          match(part, text, here, (then) => (then > here || count < min) && again(count + 1, then), counter)
        if (count < min) return more()
        return lazy ? next(here) || more() : more() || next(here)
      }
      return again(0, at)
    }
  }
}

interface Counter {
  steps: number
  readonly limit: number
}

function startsAnchored(node: Node): boolean {
  if (node.kind === 'assert') return node.isStart
  if (node.kind === 'choice') return node.parts.every(startsAnchored)
  return node.kind === 'sequence' && node.parts[0] !== undefined && startsAnchored(node.parts[0])
}

/** The shortest text that it matches, or something near. */
function sample(node: Node): string {
  switch (node.kind) {
    case 'char':
      return node.example
    case 'sequence':
      return node.parts.map(sample).join('')
    case 'choice':
      return node.parts[0] === undefined ? '' : sample(node.parts[0])
    case 'repeat':
      return sample(node.part).repeat(Math.min(node.min, 100))
    default:
      return ''
  }
}

function* prefixesOf(node: Node, before = ''): Generator<string> {
  yield before
  if (node.kind === 'repeat' || node.kind === 'look') yield* prefixesOf(node.part, before)
  if (node.kind === 'choice') for (const part of node.parts) yield* prefixesOf(part, before)
  if (node.kind === 'sequence') {
    let grown = before
    for (const part of node.parts) {
      yield* prefixesOf(part, grown)
      grown += sample(part)
    }
  }
}

function* lettersOf(node: Node): Generator<string> {
  if (node.kind === 'char') yield node.example
  if (node.kind === 'repeat' || node.kind === 'look') yield* lettersOf(node.part)
  if (node.kind === 'choice' || node.kind === 'sequence') for (const part of node.parts) yield* lettersOf(part)
}

function parse(source: string, flags: string): Node {
  let at = 0
  const parseChoice = (): Node => {
    const parts = [parseSequence()]
    while (source[at] === '|') {
      at++
      parts.push(parseSequence())
    }
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : { kind: 'choice', parts }
  }
  const parseSequence = (): Node => {
    const parts: Node[] = []
    while (at < source.length && source[at] !== '|' && source[at] !== ')') parts.push(parseRepeat(parseAtom()))
    return { kind: 'sequence', parts }
  }
  const parseRepeat = (part: Node): Node => {
    const [all = '', sign, min, comma, max] = /^(?:([*+?])|\{(\d+)(,?)(\d*)\})/.exec(source.slice(at)) ?? []
    if (all === '') return part
    at += all.length
    const lazy = source[at] === '?'
    if (lazy) at++
    const least = sign === undefined ? Number(min) : sign === '+' ? 1 : 0
    const most =
      sign === '?' ? 1 : sign !== undefined ? Infinity : comma === '' ? least : max === '' ? Infinity : Number(max)
    return { kind: 'repeat', part, min: least, max: most, lazy }
  }
  const parseAtom = (): Node => {
    const rest = source.slice(at)
    if (rest[0] === '(') return parseGroup(rest)
    if (rest[0] === '^' || rest[0] === '$') {
      at++
      return rest[0] === '^' ? lineStart(flags) : lineEnd(flags)
    }
    if (/^\\[bB]/.test(rest)) {
      at += 2
      return wordEdge(rest[1] === 'B')
    }
    if (/^\\(?:[1-9]|k<)/.test(rest)) throw new UnknownSyntax(`backreferences are not known: ${source}`)
    const [text] =
      /^(?:\[(?:\\.|[^\]\\])*\]|\\(?:[pP]\{[^}]*\}|u\{[^}]*\}|u[\da-f]{4}|x[\da-f]{2}|c[a-z]|[\s\S])|[\s\S])/i.exec(
        rest,
      ) ?? ['']
    at += text.length
    return atom(text, flags)
  }
  const parseGroup = (rest: string): Node => {
    const [opening = '('] = /^\((?:\?(?:[:=!]|<[=!]|<\w+>))?/.exec(rest) ?? []
    const behind = /^\(\?<[=!]/.test(opening)
    at += opening.length
    const part = parseChoice()
    at++
    if (behind && !isOneChar(part)) throw new UnknownSyntax(`look-behind is known for one character: ${source}`)
    return /^\(\?<?[=!]/.test(opening) ? { kind: 'look', part, negated: opening.endsWith('!'), behind } : part
  }
  return parseChoice()
}

const isOneChar = (node: Node): boolean =>
  node.kind === 'char' || (node.kind === 'sequence' && node.parts.length === 1 && node.parts[0]?.kind === 'char')

const lineStart = (flags: string): Node => ({
  kind: 'assert',
  isStart: true,
  holds: (text, at) => at === 0 || (flags.includes('m') && text[at - 1] === '\n'),
})
const lineEnd = (flags: string): Node => ({
  kind: 'assert',
  isStart: false,
  holds: (text, at) => at === text.length || (flags.includes('m') && text[at] === '\n'),
})
const wordEdge = (negated: boolean): Node => ({
  kind: 'assert',
  isStart: false,
  holds: (text, at) => (/\w/.test(text.charAt(at - 1)) !== /\w/.test(text.charAt(at))) !== negated,
})

/** Whether a character fits is left to the engine. */
function atom(text: string, flags: string): Node {
  const regex = new RegExp(`^(?:${text})$`, flags.replace(/[gy]/g, ''))
  const known = new Map<string, boolean>()
  const matches = (char: string): boolean => {
    let fits = known.get(char)
    if (fits === undefined) {
      fits = regex.test(char)
      known.set(char, fits)
    }
    return fits
  }
  const example =
    [...candidates].find(matches) ??
    Array.from({ length: 0xffff }, (_, code) => String.fromCharCode(code)).find(matches) ??
    ''
  return { kind: 'char', matches, example }
}

const candidates = 'a0A-_. :/%",;=*+$&?#@!~^|()[]{}<>\\\'\t\n\r\u0000é\ufffd'
