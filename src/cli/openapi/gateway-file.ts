import { type Document, isMap, isScalar, isSeq, type Pair, type ParsedNode, parseDocument } from 'yaml'
import { type Fields, mapOf } from './document.ts'

/** What an import writes in one section of gateway.yaml. */
export type Section = 'upstreams' | 'scopes' | 'routes'
export const sections: readonly Section[] = ['upstreams', 'scopes', 'routes']

/** The lines around what an import has written. Everything else in the file is somebody's own. */
export interface Marks {
  readonly begin: string
  readonly end: string
}

/** @param name of the document, so that several can stand in one file. */
export const marksOf = (name: string): Marks => ({
  begin: `# BEGIN sallyport import openapi ${name}`,
  end: `# END sallyport import openapi ${name}`,
})

/** From the first letter of the begin mark's line to behind the end mark's line. */
interface Span {
  readonly from: number
  readonly to: number
}

/** @throws Error when marks do not stand in pairs. */
export function markedSpans(text: string, { begin, end }: Marks): Span[] {
  const spans: Span[] = []
  let open: number | undefined
  let at = 0
  for (const line of text.split(/(?<=\n)/)) {
    const bare = line.trim()
    if (bare === begin || bare === end) {
      if ((bare === begin) !== (open === undefined))
        throw new Error(`the lines "${begin}" and "${end}" must stand in pairs`)
      if (open !== undefined) spans.push({ from: open, to: at + line.length })
      open = bare === begin ? at : undefined
    }
    at += line.length
  }
  if (open !== undefined) throw new Error(`"${begin}" has no "${end}" behind it`)
  return spans
}

/** The file without what was imported. */
export function withoutMarked(text: string, marks: Marks): string {
  let rest = ''
  let from = 0
  for (const span of markedSpans(text, marks)) {
    rest += text.slice(from, span.from)
    from = span.to
  }
  return rest + text.slice(from)
}

/** As plain data, variables as they are written. @throws Error when it is not YAML. */
export function plainData(text: string): Fields {
  const document = parse(text)
  const [error] = document.errors
  if (error !== undefined) throw new Error(error.message.split('\n')[0])
  return mapOf(document.toJS({ maxAliasCount: 10_000 })) ?? {}
}

/**
 * Puts lines into a section, in place of the marked ones there, or behind everything else. Letter for letter the rest of the
 * file stays as it is.
 * @param lines not indented. None: only what is there is taken out.
 * @throws Error when the section is written in a way that nothing can be put into.
 */
export function putLines(text: string, section: Section, marks: Marks, lines: readonly string[]): string {
  const lineEnd = text.includes('\r\n') ? '\r\n' : '\n'
  const pair = sectionOf(parse(text), section)
  const block = (indent: string): string =>
    [marks.begin, ...lines, marks.end].map((line) => (line === '' ? '' : indent + line) + lineEnd).join('')
  if (pair === undefined) {
    if (lines.length === 0) return text
    const gap = text === '' ? '' : text.endsWith('\n') ? lineEnd : lineEnd + lineEnd
    return `${text}${gap}${section}:${lineEnd}${block('  ')}`
  }

  const [start, end] = [offsetOf(pair.key), endOf(pair, text)]
  const span = markedSpans(text, marks).find(({ from }) => from > start && from <= end)
  if (span !== undefined) {
    const indent = /^[ \t]*/.exec(text.slice(span.from))?.[0] ?? ''
    const rest = text.slice(0, span.from) + (lines.length > 0 ? block(indent) : '') + text.slice(span.to)
    return lines.length > 0 ? rest : nothingLeft(rest, section)
  }
  if (lines.length === 0) return text

  const { value } = pair
  if (isEmpty(value)) {
    const [from, to] = value !== null && 'flow' in value && value.flow ? [offsetOf(value), value.range[1]] : [0, 0]
    const cut = text.slice(0, from).replace(/(?<![ \t])[ \t]+$/, '') + text.slice(to)
    const at = lineBehind(from === 0 ? text : cut, offsetOf(pair.key), lineEnd)
    return at.before + block('  ') + at.after
  }
  if (!(isMap(value) || isSeq(value)) || value.flow) {
    throw new Error(`"${section}" is written in brackets; write it over several lines, so that more can be added`)
  }
  const last = value.items.at(-1)
  const behind = lastOffset(last)
  const indent = ' '.repeat(columnOf(text, offsetOf(value)))
  const at =
    text[behind - 1] === '\n'
      ? { before: text.slice(0, behind), after: text.slice(behind) }
      : lineBehind(text, behind, lineEnd)
  // Not between the marks of another document.
  const [marked = ''] = otherEnd.exec(at.after) ?? []
  return at.before + marked + block(indent) + at.after.slice(marked.length)
}

const otherEnd = /^(?:[ \t]*(?:#[^\n]*)?\n)*?[ \t]*# END sallyport import openapi [^\n]*(?:\n|$)/

type ParsedPair = Pair<ParsedNode, ParsedNode | null>

const parse = (text: string): Document.Parsed =>
  parseDocument(text, { stringKeys: true, prettyErrors: true, logLevel: 'error' })

const sectionOf = ({ contents }: Document.Parsed, section: Section): ParsedPair | undefined =>
  isMap<ParsedNode, ParsedNode | null>(contents)
    ? (contents.items as ParsedPair[]).find(({ key }) => isScalar(key) && key.value === section)
    : undefined

const isEmpty = (value: ParsedNode | null): boolean =>
  value === null ||
  (isScalar(value) ? value.value === null : (isMap(value) || isSeq(value)) && value.items.length === 0)

const offsetOf = (node: ParsedNode): number => node.range[0]

/** Behind the section with all comments in it: where the next key of the file begins, or where the file ends. */
function endOf(pair: ParsedPair, text: string): number {
  const next = /^[^\s#-]/gm
  next.lastIndex = offsetOf(pair.key) + 1
  return next.exec(text)?.index ?? text.length
}

function lastOffset(last: unknown): number {
  if (typeof last !== 'object' || last === null) return 0
  if ('value' in last && 'key' in last) return lastOffset(last.value ?? last.key)
  return 'range' in last && Array.isArray(last.range) ? Number(last.range[1]) : 0
}

const columnOf = (text: string, offset: number): number => offset - (text.lastIndexOf('\n', offset - 1) + 1)

/** Cut behind the line in which something ends. */
function lineBehind(text: string, offset: number, lineEnd: string): { before: string; after: string } {
  const newLine = text.indexOf('\n', offset)
  return newLine < 0
    ? { before: text + lineEnd, after: '' }
    : { before: text.slice(0, newLine + 1), after: text.slice(newLine + 1) }
}

/** A section without entries is written as one that is empty. */
function nothingLeft(text: string, section: Section): string {
  const pair = sectionOf(parse(text), section)
  if (pair === undefined || !isEmpty(pair.value) || (pair.value !== null && 'flow' in pair.value)) return text
  const behind = pair.key.range[1]
  const colon = text.indexOf(':', behind) + 1
  return `${text.slice(0, colon)} ${section === 'routes' ? '[]' : '{}'}${text.slice(colon)}`
}
