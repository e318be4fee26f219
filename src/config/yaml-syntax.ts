import type { YAMLError } from 'yaml'

/**
 * What is wrong with a text that is not YAML, in words for someone who doesn't know its grammar.
 * One error for each line: those behind the first are mostly its consequences.
 */
export function explainSyntax(text: string, errors: readonly YAMLError[]): { offset: number; message: string }[] {
  const lines = new Map<number, { offset: number; message: string }>()
  for (const error of [...errors].sort((a, b) => a.pos[0] - b.pos[0])) {
    const offset = error.pos[0]
    const start = text.lastIndexOf('\n', offset - 1) + 1
    if (!lines.has(start))
      lines.set(start, { offset, message: explain(error, text.slice(start, offset), restOfLine(text, offset)) })
  }
  return [...lines.values()].slice(0, 20)
}

function explain({ code, message }: YAMLError, before: string, after: string): string {
  // A brace ends a plain scalar between { } and [ ], so that ${NAME} falls apart there.
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is what to write
  if (/\$$/.test(before) && after.startsWith('{')) return 'inside { } and [ ] a variable needs quotes, like "${NAME}"'
  switch (code) {
    case 'TAB_AS_INDENT':
      return 'a tab is used to indent; YAML takes spaces only'
    case 'BAD_ALIAS':
      return 'a text that begins with * needs quotes: "*"'
    case 'BAD_SCALAR_START':
      return `a text that begins with ${after.charAt(0)} needs quotes`
    case 'BLOCK_AS_IMPLICIT_KEY':
      return 'there is a second ": " on this line; put a text that holds one in quotes'
    case 'MULTIPLE_DOCS':
      return 'a second document begins here (---); keep one in a file'
    case 'BAD_INDENT':
      return after.startsWith('\n') || message.startsWith('Flow')
        ? 'a [ or { above is not closed, or this line is not indented more than it'
        : 'the indentation does not fit; keys of one map begin in one column, and a map inside another is indented more'
    case 'MISSING_CHAR':
      if (message.startsWith('Sequence item'))
        return 'a list item needs "- " in front; or is this line indented wrongly?'
      if (message.includes('quote')) return 'a text in quotes that begins further up is not closed'
      if (message.startsWith('Implicit map keys')) return 'a key needs a colon and a space behind it'
      return lowerFirst(message)
    case 'MULTILINE_IMPLICIT_KEY':
      return 'a key goes over two lines; is a colon missing, or a line indented too far?'
    case 'NON_STRING_KEY':
      return 'a key must be plain text; is a { or [ meant as text? Then it needs quotes'
    case 'BAD_DQ_ESCAPE':
      return `${lowerFirst(message)}; in "double quotes" write \\\\ for a backslash, or use 'single quotes'`
    default:
      // The parser calls itself for each level: where the stack ends its words are about that, and help nobody.
      return /stack/i.test(message) ? 'is nested too deeply' : `is not YAML: ${lowerFirst(message)}`
  }
}

function restOfLine(text: string, offset: number): string {
  const end = text.indexOf('\n', offset)
  return text.slice(offset, end === -1 ? undefined : end)
}

const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1)
