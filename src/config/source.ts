import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type ParsedNode,
  parseDocument,
  visit,
} from 'yaml'
import { createHiding } from './hidden-values.ts'
import { type Finding, formatPath, type Path, type Problem } from './problems.ts'
import { isSecretPlace, type Range } from './shown-text.ts'
import { type Environment, hasVariables, substitute } from './variables.ts'
import { explainSyntax } from './yaml-syntax.ts'

/** A YAML text as plain data that remembers where everything stood. */
export interface Source {
  readonly value: unknown
  /** What was wrong on the way here. The value holds null at these paths. */
  readonly findings: readonly Finding[]
  /** The scalar as written, where variables were replaced in it: it may be shown, what came of it may be a secret. */
  written(path: Path): string | undefined
  /** Where secrets are written out in the text. */
  readonly secrets: readonly Range[]
  /** Hides what the environment gave. */
  hide(text: string): string
  /** Gives a finding its place: that of its path, or of the nearest part of the path that exists. Its text is fit to be shown. */
  locate(finding: Finding): Problem
}

/**
 * Reads YAML 1.2, then the environment. A variable is replaced inside one scalar and can't become structure; a plain
 * scalar is typed afterwards, as if the value had been written there: `workers: ${W}`.
 * @returns the problems when it is not YAML.
 */
export function readSource(text: string, file: string, env: Environment): Source | Problem[] {
  const lines = new LineCounter()
  const at = (offset: number, path: Path, message: string): Problem => {
    const { line, col } = lines.linePos(offset)
    return { file, line: Math.max(line, 1), column: Math.max(col, 1), path: formatPath(path), message }
  }
  let document: Document.Parsed
  try {
    document = parseDocument(text, {
      lineCounter: lines,
      prettyErrors: false,
      stringKeys: true,
      // Found below, where the first of the two can be named.
      uniqueKeys: false,
      // Not `silent`: that would also let a second document pass.
      logLevel: 'error',
    })
  } catch (error) {
    return [
      { file, line: 0, column: 0, path: '', message: `is not YAML: ${error instanceof Error ? error.message : error}` },
    ]
  }
  if (document.errors.length > 0) {
    return explainSyntax(text, document.errors).map(({ offset, message }) => at(offset, [], message))
  }
  return new Reader(document, env, at).read()
}

/** More than any real configuration has; aliases of aliases reach it within a few lines. */
const valuesMax = 100_000
const depthMax = 50

interface Place {
  readonly key: number
  readonly value: number
}

class Reader {
  private readonly findings: Finding[] = []
  private readonly places = new Map<string, Place>()
  private readonly replaced = new Map<string, string>()
  private readonly secrets: Range[] = []
  private readonly given = new Set<string>()
  private hide = (text: string): string => text
  private readonly anchored: ReadonlyMap<Alias, Node>
  private values = 0
  private readonly document: Document.Parsed
  private readonly env: Environment
  private readonly at: (offset: number, path: Path, message: string) => Problem

  constructor(
    document: Document.Parsed,
    env: Environment,
    at: (offset: number, path: Path, message: string) => Problem,
  ) {
    this.document = document
    this.anchored = resolveAliases(document)
    this.env = env
    this.at = at
  }

  read(): Source {
    const { contents } = this.document
    this.places.set('', { key: 0, value: contents?.range[0] ?? 0 })
    const value = this.convert(contents, [])
    this.hide = createHiding(this.given)
    return {
      value,
      findings: this.findings,
      written: (path) => this.replaced.get(formatPath(path)),
      secrets: this.secrets,
      hide: this.hide,
      locate: (finding) => this.locate(finding),
    }
  }

  private locate({ path, message, atKey }: Finding): Problem {
    for (let length = path.length; length >= 0; length--) {
      const place = this.places.get(formatPath(path.slice(0, length)))
      // A value that isn't there: its map is where someone would add it.
      if (place) return this.at(atKey || length < path.length ? place.key : place.value, path, this.hide(message))
    }
    return this.at(0, path, this.hide(message))
  }

  private convert(node: Node | null, path: Path): unknown {
    if (++this.values > valuesMax)
      return this.complainOnce(
        [],
        `the file comes to more than ${valuesMax} values; are aliases (*name) repeated in aliases?`,
      )
    if (path.length > depthMax) return this.complainOnce(path, 'is nested too deeply')
    if (node !== null && typeof node.tag === 'string' && !node.tag.startsWith('tag:yaml.org,2002:')) {
      return this.complain(path, `has the tag ${node.tag}; tags have no meaning here, leave it out`)
    }
    if (isAlias(node)) {
      const target = this.anchored.get(node)
      return target === undefined
        ? this.complain(
            path,
            `*${node.source} refers to a name that is not defined above (&${node.source}); put a text that begins with * in quotes`,
          )
        : this.convert(target, path)
    }
    if (isMap<ParsedNode, ParsedNode | null>(node)) return this.convertMap(node.items, path)
    if (isSeq<ParsedNode>(node)) {
      return node.items.map((item, index) => {
        const inside = [...path, index]
        this.place(inside, item, item)
        return this.convert(item, inside)
      })
    }
    if (!isScalar(node)) return null
    if (isSecretPlace(path) && node.range) this.secrets.push([node.range[0], node.range[1]])
    return typeof node.value === 'string' && hasVariables(node.value)
      ? this.replace(node.value, node.type === 'PLAIN', path)
      : node.value
  }

  private convertMap(items: readonly { key: ParsedNode; value: ParsedNode | null }[], path: Path): unknown {
    const map: Record<string, unknown> = {}
    for (const { key, value } of items) {
      const name = isScalar(key) ? String(key.value) : ''
      const inside = [...path, name]
      if (Object.hasOwn(map, name)) {
        const { line } = this.locate({ path: inside, message: '', atKey: true })
        this.place(inside, key, value)
        this.complain(
          inside,
          `the key "${name}" stands here a second time, first on line ${line}; remove one of the two`,
          true,
        )
      } else {
        this.place(inside, key, value)
        if (name === '<<')
          this.complain(
            inside,
            'merge keys (<<) are not supported; use an alias for a whole value, or repeat the keys',
            true,
          )
        else if (name === '__proto__') this.complain(inside, 'is not a name that can be used', true)
        else if (hasVariables(name))
          this.complain(inside, 'variables are replaced in values, not in keys; write the key out', true)
        else map[name] = this.convert(value, inside)
      }
    }
    return map
  }

  private replace(text: string, plain: boolean, path: Path): unknown {
    const result = substitute(text, this.env)
    if (!result.ok) {
      for (const complaint of result.complaints) this.complain(path, complaint)
      return null
    }
    this.replaced.set(formatPath(path), text)
    for (const value of result.values) this.given.add(value)
    // Empty stays text: `redis: ${REDIS_URL:-}` says "no Redis", not "nothing was written here".
    if (!plain || result.text === '') return result.text
    const tag = this.document.schema.tags.find(
      (tag) => !tag.collection && tag.default === true && 'test' in tag && tag.test?.test(result.text),
    )
    if (tag === undefined || tag.collection) return result.text
    const typed: unknown = tag.resolve(result.text, (message) => void this.complain(path, message), {})
    return isScalar(typed) ? typed.value : typed
  }

  private place(path: Path, key: Node | null, value: Node | null): void {
    const start = key?.range?.[0] ?? 0
    this.places.set(formatPath(path), { key: start, value: value?.range?.[0] ?? start })
  }

  private complain(path: Path, message: string, atKey = false): null {
    this.findings.push({ path, message, atKey })
    return null
  }

  private complainOnce(path: Path, message: string): null {
    return this.findings.some((finding) => finding.message === message) ? null : this.complain(path, message)
  }
}

/** What each alias stands for: the last node above it with its name. One walk, where asking each alias is a walk for each. */
function resolveAliases(document: Document.Parsed): ReadonlyMap<Alias, Node> {
  const named = new Map<string, Node>()
  const resolved = new Map<Alias, Node>()
  visit(document, {
    Node(_key, node) {
      if (isAlias(node)) {
        const target = named.get(node.source)
        if (target) resolved.set(node, target)
      } else if (typeof node.anchor === 'string') named.set(node.anchor, node)
    },
  })
  return resolved
}
