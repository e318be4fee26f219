import { posix } from 'node:path'
import ts from 'typescript'

export interface ImportRules {
  /** From the top down. A file belongs to the longest entry that is its path or a folder above it. */
  readonly layers: readonly (readonly string[])[]
  /** Packages that only some rooms may import. */
  readonly packages: Readonly<Record<string, readonly string[]>>
  /** Files that choose or are chosen: only `importers` and the adapter's own folder may import them. */
  readonly adapters: { readonly files: readonly string[]; readonly importers: readonly string[] }
  readonly linesMax: number
  /** Files that are longer, each with its reason. */
  readonly longFiles: Readonly<Record<string, string>>
}

/**
 * Holds source files to the rules.
 * @param files path from the source folder, with forward slashes → text
 * @returns one sentence per broken rule; none when all hold
 */
export function findViolations(files: ReadonlyMap<string, string>, rules: ImportRules): string[] {
  const graph = new Map<string, Imports>()
  const violations: string[] = []
  for (const [file, text] of files) {
    const imports = importsOf(file, text)
    graph.set(file, imports)
    violations.push(
      ...checkLayers(file, imports.files, rules),
      ...checkPackages(file, imports.packages, rules),
      ...checkAdapters(file, imports.files, rules),
      ...imports.files
        .filter((target) => !files.has(target))
        .map((target) => `${file} imports ${target}, which is not there`),
    )
  }
  return [...violations, ...checkCircles(graph, rules), ...checkRooms(graph, rules), ...checkLengths(files, rules)]
}

interface Imports {
  readonly files: readonly string[]
  readonly packages: readonly string[]
  /** Those of `files` of which nothing but types is used: they are gone when the program runs. */
  readonly typesOnly: ReadonlySet<string>
}

function importsOf(file: string, text: string): Imports {
  const names = ts.preProcessFile(text).importedFiles.map(({ fileName }) => fileName)
  const [values, types] = [new Set<string>(), new Set<string>()]
  for (const statement of ts.createSourceFile(file, text, ts.ScriptTarget.Latest).statements) {
    if (!ts.isImportDeclaration(statement) && !ts.isExportDeclaration(statement)) continue
    if (!statement.moduleSpecifier || !ts.isStringLiteral(statement.moduleSpecifier)) continue
    const isType = ts.isExportDeclaration(statement)
      ? statement.isTypeOnly
      : statement.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword
    const to = isType ? types : values
    to.add(resolve(file, statement.moduleSpecifier.text))
  }
  return {
    files: names.filter(isRelative).map((name) => resolve(file, name)),
    packages: names.filter((name) => !isRelative(name)),
    typesOnly: new Set([...types].filter((name) => !values.has(name))),
  }
}

const isRelative = (name: string): boolean => name.startsWith('.')
const resolve = (file: string, name: string): string => posix.join(posix.dirname(file), name)

function* checkLayers(file: string, imports: readonly string[], rules: ImportRules): Generator<string> {
  const from = layerOf(file, rules)
  if (from === undefined) {
    yield `${file} is in no layer; decide where it belongs`
    return
  }
  for (const target of imports) {
    const to = layerOf(target, rules)
    if (to !== undefined && to < from) yield `${file} imports upward: ${target}`
  }
}

function* checkPackages(
  file: string,
  packages: readonly string[],
  { packages: owners }: ImportRules,
): Generator<string> {
  for (const [name, rooms] of Object.entries(owners)) {
    const imported = packages.some((specifier) => specifier === name || specifier.startsWith(`${name}/`))
    if (imported && !rooms.some((room) => isIn(file, room)))
      yield `${file} imports ${name}, which only ${rooms.join(', ')} may`
  }
}

function* checkAdapters(file: string, imports: readonly string[], { adapters }: ImportRules): Generator<string> {
  for (const target of imports) {
    const adapter = adapters.files.find((entry) => isIn(target, entry))
    if (adapter === undefined || adapters.importers.includes(file)) continue
    if (!isIn(file, posix.dirname(adapter))) yield `${file} imports the adapter ${target}`
  }
}

/**
 * Files that import each other, however long the way round. Each circle is reported once. Types that name each other may
 * live in two files of one room; such an import does not close a circle.
 */
function* checkCircles(graph: ReadonlyMap<string, Imports>, rules: ImportRules): Generator<string> {
  const done = new Set<string>()
  const circles: string[] = []
  const visit = (file: string, path: readonly string[]): void => {
    const start = path.indexOf(file)
    if (start >= 0) circles.push(`circle: ${[...path.slice(start), file].join(' → ')}`)
    if (start >= 0 || done.has(file)) return
    const { files = [], typesOnly } = graph.get(file) ?? {}
    for (const target of files) {
      const isType = typesOnly?.has(target) && roomOf(target, rules) === roomOf(file, rules)
      if (!isType) visit(target, [...path, file])
    }
    done.add(file)
  }
  for (const file of graph.keys()) visit(file, [])
  yield* circles
}

/** Two rooms of one layer may use each other in one direction only. */
function* checkRooms(graph: ReadonlyMap<string, Imports>, rules: ImportRules): Generator<string> {
  const uses = new Map<string, string>()
  for (const [file, { files }] of graph) {
    for (const target of files) {
      const [from, to] = [roomOf(file, rules), roomOf(target, rules)]
      if (!from || !to || from === to || layerOf(file, rules) !== layerOf(target, rules)) continue
      const back = uses.get(`${to} ${from}`)
      if (back) yield `rooms ${from} and ${to} import each other: ${file} → ${target}, ${back}`
      uses.set(`${from} ${to}`, `${file} → ${target}`)
    }
  }
}

function* checkLengths(files: ReadonlyMap<string, string>, { linesMax, longFiles }: ImportRules): Generator<string> {
  for (const [file, text] of files) {
    const lines = text.split('\n').length - 1
    if (lines > linesMax && !(file in longFiles))
      yield `${file} has ${lines} lines; split it or list it with its reason`
    if (lines <= linesMax && file in longFiles) yield `${file} has ${lines} lines and need not be listed as long`
  }
}

const layerOf = (file: string, { layers }: ImportRules): number | undefined => {
  const room = roomOf(file, { layers })
  const index = layers.findIndex((rooms) => room !== undefined && rooms.includes(room))
  return index < 0 ? undefined : index
}

/** The longest entry wins, so that a file can stand apart from its folder. */
const roomOf = (file: string, { layers }: Pick<ImportRules, 'layers'>): string | undefined =>
  layers
    .flat()
    .filter((room) => isIn(file, room))
    .sort((a, b) => b.length - a.length)[0]

const isIn = (file: string, room: string): boolean => file === room || file.startsWith(`${room}/`)
