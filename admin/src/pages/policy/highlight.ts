export type Kind = 'comment' | 'key' | 'text' | 'value' | 'variable' | 'plain'

export interface Part {
  readonly kind: Kind
  readonly text: string
}

/**
 * Quoted text, a comment, a variable of the environment or a secret in its place, a key of a mapping, and words that YAML
 * reads as something else than text. Line by line: a colour that is wrong in a text of many lines changes nothing.
 */
const pattern = new RegExp(
  [
    String.raw`(?<text>"(?:[^"\\]|\\.)*"|'(?:[^']|'')*')(?!\s*:(?:\s|$))`,
    String.raw`(?<comment>(?<=^|\s)#.*$)`,
    String.raw`(?<variable>\$\{[^}]*\}|\[secret\])`,
    String.raw`(?<key>(?<=^[\s-]*|[{,]\s*)(?:"[^"]*"|[^\s,{}[\]"'#][^,{}[\]"'#]*?)(?=\s*:(?:\s|$)))`,
    String.raw`(?<value>(?<=[\s,[{])(?:true|false|null|~|\d[\d_.]*(?:ms|s|m|h|d|kb|mb)?)(?=[\s,\]}]|$))`,
  ].join('|'),
  'gi',
)

/** A line of YAML in parts that are told apart by colour. */
export function highlight(line: string): Part[] {
  const parts: Part[] = []
  let end = 0
  // A line that is longer than any that is written by hand stays plain: the pattern looks back.
  for (const match of line.length > 500 ? [] : line.matchAll(pattern)) {
    if (match.index > end) parts.push({ kind: 'plain', text: line.slice(end, match.index) })
    const [kind] = Object.entries(match.groups ?? {}).find(([, text]) => text !== undefined) ?? ['plain']
    parts.push({ kind: kind as Kind, text: match[0] })
    end = match.index + match[0].length
  }
  if (end < line.length) parts.push({ kind: 'plain', text: line.slice(end) })
  return parts
}
