/** Where in the document: `['routes', 3, 'path']`. */
export type Path = readonly (string | number)[]

/** Something that is wrong (or, as a warning, surprising) at a path of the document. */
export interface Finding {
  readonly path: Path
  /** What was found, and what is allowed or what to do. */
  readonly message: string
  /** Point at the key instead of its value. */
  readonly atKey?: boolean
}

/** A finding with its place in the file. */
export interface Problem {
  readonly file: string
  /** From 1; 0 when it is about the file as a whole. */
  readonly line: number
  readonly column: number
  /** `routes[3].path`; empty when it is about the file as a whole. */
  readonly path: string
  readonly message: string
}

/** One line for each, `file:line:column: path: message`, without a final line break. */
export const formatProblems = (problems: readonly Problem[]): string => problems.map(formatProblem).join('\n')

function formatProblem({ file, line, column, path, message }: Problem): string {
  const place = line === 0 ? file : `${file}:${line}:${column}`
  return path === '' ? `${place}: ${message}` : `${place}: ${path}: ${message}`
}

/** In the order of the file, each once; from a file that is wrong all over, the first of them. */
export function sortProblems(problems: readonly Problem[]): Problem[] {
  const unique = new Map(problems.map((problem) => [formatProblem(problem), problem]))
  const sorted = [...unique.values()].sort((a, b) => a.line - b.line || a.column - b.column)
  const [first] = sorted
  if (first === undefined || sorted.length <= problemsMax) return sorted
  const message = `and ${sorted.length - problemsMax} more problems, which are shown when these are mended`
  return [...sorted.slice(0, problemsMax), { file: first.file, line: 0, column: 0, path: '', message }]
}

const problemsMax = 100

/** `['scopes', 'a b', 0]` → `scopes["a b"][0]` */
export function formatPath(path: Path): string {
  let text = ''
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`
    else if (/^[\w:-]+$/.test(part)) text += text === '' ? part : `.${part}`
    else text += `[${JSON.stringify(shorten(part))}]`
  }
  return text
}

/** A value as a problem shows it: short, and without credentials, since problems go to logs. */
export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(shorten(hideCredentials(value)))
  if (Array.isArray(value)) return value.length === 0 ? '[]' : 'a list'
  if (typeof value === 'object' && value !== null) return 'a map'
  return String(value)
}

const shorten = (text: string): string => (text.length > 80 ? `${text.slice(0, 77)}…` : text)

/** Passwords in URLs, and long runs without a break as keys and tokens have. */
const hideCredentials = (text: string): string =>
  text.replace(/\/\/[^/@\s]*@/g, '//…@').replace(/[A-Za-z0-9]{28,}/g, (run) => `${run.slice(0, 4)}…`)

/** `a`, `a or b`, `a, b or c` */
export function either(options: readonly string[]): string {
  const last = options.at(-1) ?? ''
  return options.length < 2 ? last : `${options.slice(0, -1).join(', ')} or ${last}`
}
