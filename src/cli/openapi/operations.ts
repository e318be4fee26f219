import { Failure } from '../failure.ts'
import { createBasePaths } from './base-path.ts'
import { anyKey } from './demand.ts'
import { type Fields, field, follow, mapOf, type OpenApiDocument } from './document.ts'
import { type Asked, readSecurity } from './security.ts'

export interface Operation extends Asked {
  /** In upper case. */
  readonly method: string
  /** As the document names it. */
  readonly path: string
  /** Its operationId; empty where it has none. */
  readonly name: string
}

/** All operations below one path of the document. */
export interface PathOperations {
  /** What stands in front of the path, without a final slash. */
  readonly base: string
  readonly path: string
  readonly operations: readonly Operation[]
}

export interface Operations {
  readonly paths: readonly PathOperations[]
  readonly descriptions: ReadonlyMap<string, string>
  /** Worth to be known, for a person. */
  readonly notes: readonly string[]
}

export interface OperationsOptions {
  /** Instead of what `servers` say. */
  readonly basePath?: string | undefined
  /** What is asked of an operation of which the document says nothing. */
  readonly withoutSecurity: 'key' | 'public'
}

/**
 * Everything that the document lets be called, with what it asks of the caller.
 * @throws Failure when parts of the document that matter can't be read.
 */
export function readOperations(document: OpenApiDocument, options: OperationsOptions): Operations {
  const paths = mapOf(field(document.root, 'paths'))
  if (paths === undefined) throw new Failure('the document has no paths, so there is nothing to import')
  const security = readSecurity(document)
  const basePaths = createBasePaths(document, options.basePath)
  const everywhere = field(document.root, 'security')
  const undecided: string[] = []
  const notes: string[] = []
  let asking = everywhere !== undefined

  const askedOf = (place: string, own: unknown, ofPath: unknown): Asked => {
    if (own !== undefined) {
      asking = true
      return security.demandOf(own)
    }
    if (ofPath !== undefined) {
      const why = 'its path has a security, which OpenAPI knows of operations and of the document alone'
      return { demand: { kind: 'nobody', why }, words: 'see below' }
    }
    if (everywhere !== undefined) return security.demandOf(everywhere)
    undecided.push(place)
    if (options.withoutSecurity === 'public') return { demand: { kind: 'public' }, words: nothingSaid }
    return { demand: anyKey, words: nothingSaid }
  }

  const all = Object.keys(paths)
    .filter((path) => !path.startsWith('x-'))
    .map((path): PathOperations => {
      if (!path.startsWith('/')) throw new Failure(`the path ${JSON.stringify(path)} does not start with /`)
      const item = readItem(document, path, paths[path])
      const operations = methodsOf(item).map(([method, value]): Operation => {
        const place = `${method} ${path}`
        const operation = readOperation(place, value)
        const id = field(operation, 'operationId')
        basePaths.see(place, field(operation, 'servers') ?? field(item, 'servers'))
        return {
          ...askedOf(place, field(operation, 'security'), field(item, 'security')),
          ...{ method, path, name: typeof id === 'string' ? id : '' },
        }
      })
      return { base: '', path, operations }
    })
  const { base, note } = basePaths.common()
  if (note !== undefined) notes.push(note)
  if (undecided.length > 0) notes.push(undecidedNote(undecided, asking, options))
  return { paths: all.map((one) => ({ ...one, base })), descriptions: security.descriptions, notes }
}

/** A path item may stand elsewhere in the document; what both places have must not be told apart by guessing. */
function readItem(document: OpenApiDocument, path: string, value: unknown): Fields {
  const target = follow(document, value)
  if (typeof target === 'string') throw new Failure(`${path}: ${target}`)
  const own = mapOf(value) ?? {}
  if (own === target) return target
  const twice = Object.keys(own).find((name) => Object.hasOwn(target, name))
  if (twice === undefined) return { ...target, ...own }
  throw new Failure(`${path}: has ${JSON.stringify(twice)} beside its $ref and behind it; remove one of the two`)
}

/** OpenAPI knows no reference here, but split documents have them; what stands behind may ask for more than is said here. */
function readOperation(place: string, value: unknown): Fields {
  const operation = mapOf(value)
  if (operation === undefined) throw new Failure(`${place}: is not a map of keys and values`)
  if (!Object.hasOwn(operation, '$ref')) return operation
  const how = 'resolve it first, for example with "redocly bundle --dereferenced"'
  throw new Failure(`${place}: is a $ref, which OpenAPI does not allow for an operation; ${how}`)
}

function methodsOf(item: Fields): [method: string, operation: unknown][] {
  const found = methods.flatMap((name): [string, unknown][] => {
    const operation = field(item, name)
    return operation === undefined ? [] : [[name.toUpperCase(), operation]]
  })
  return [...found, ...Object.entries(mapOf(field(item, 'additionalOperations')) ?? {})]
}

function undecidedNote(places: readonly string[], asking: boolean, { withoutSecurity }: OperationsOptions): string {
  const which = asking
    ? `the document does not say who may call ${places.length === 1 ? places[0] : `${places.length} operations (${places[0]} …)`}`
    : 'the document asks for no credentials anywhere'
  return withoutSecurity === 'public'
    ? `${which}: made public, as --without-security says`
    : `${which}: any valid key is asked for. What shall be public needs "security: []" there, or --without-security public`
}

const methods = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace', 'query']
const nothingSaid = 'the document says nothing of security'
