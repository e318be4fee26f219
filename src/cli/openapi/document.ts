import { open } from 'node:fs/promises'
import { parseDocument } from 'yaml'
import { jsonShapeProblem, repeatedName } from '../../json-text.ts'
import { Failure } from '../failure.ts'

/** An OpenAPI document as it was read: nothing in it is checked but that it is one. */
export interface OpenApiDocument {
  readonly root: Fields
  /** Swagger 2.0 has the same ideas under other names. */
  readonly swagger: boolean
  /** Empty where it has none. */
  readonly title: string
  /** Of the API; empty where it has none. */
  readonly version: string
}

export type Fields = Readonly<Record<string, unknown>>

/**
 * Reads OpenAPI 3.0 to 3.2 or Swagger 2.0, in JSON or YAML.
 * @throws Failure with what to do about it.
 */
export async function readDocument(file: string): Promise<OpenApiDocument> {
  const text = await readText(file)
  const root = mapOf(/^\s*\{/.test(text) ? parseJson(text, file) : parseYaml(text, file))
  if (root === undefined) throw new Failure(`${file} is no OpenAPI document: it must be a map of keys and values`)
  const [openapi, swagger] = [field(root, 'openapi'), field(root, 'swagger')]
  const isSwagger = swagger === '2.0' || swagger === 2
  if (!isSwagger && !(typeof openapi === 'string' && /^3\.[0-2](\.|$)/.test(openapi))) {
    const found = openapi ?? swagger
    throw new Failure(
      found === undefined
        ? `${file} is no OpenAPI document: it has neither "openapi" nor "swagger"`
        : typeof found === 'object'
          ? `${file} is no OpenAPI document: its version is no text`
          : `${file} is of version ${JSON.stringify(found)}; versions 3.0 to 3.2 of OpenAPI can be imported, and Swagger "2.0"`,
    )
  }
  const info = mapOf(field(root, 'info')) ?? {}
  const textOf = (name: string): string => {
    const value = field(info, name)
    return typeof value === 'string' ? value : ''
  }
  return { root, swagger: isSwagger, title: textOf('title'), version: textOf('version') }
}

/** A field of its own, never one that every object has. */
export const field = (of: Fields | undefined, name: string): unknown =>
  of !== undefined && Object.hasOwn(of, name) ? of[name] : undefined

export const mapOf = (value: unknown): Fields | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined

/**
 * The map that a value stands for: itself, or what its `$ref` leads to in the same document. Nothing else is ever read: no
 * other file, and nothing from the network.
 * @returns a complaint in place of what can't be had.
 */
export function follow({ root }: OpenApiDocument, value: unknown): Fields | string {
  let at = value
  for (let steps = 0; steps < refsMax; steps++) {
    const map = mapOf(at)
    if (map === undefined) return 'is not a map of keys and values'
    const ref = field(map, '$ref')
    if (ref === undefined) return map
    if (typeof ref !== 'string') return 'has a $ref that is no text'
    if (!ref.startsWith('#')) {
      return `refers to ${JSON.stringify(ref)}, which is outside of the document; put everything into one file first, for example with "redocly bundle"`
    }
    at = atPointer(root, ref)
    if (at === undefined) return `refers to ${ref}, which is not there`
  }
  return 'refers to itself'
}

/** RFC 6901, as the fragment of a URI. */
function atPointer(root: Fields, ref: string): unknown {
  let at: unknown = root
  for (const part of ref.slice(1).split('/').slice(1)) {
    const name = decoded(part).replaceAll('~1', '/').replaceAll('~0', '~')
    at = Array.isArray(at) ? at[Number(name)] : field(mapOf(at), name)
  }
  return at
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

async function readText(file: string): Promise<string> {
  try {
    await using handle = await open(file)
    const { size } = await handle.stat()
    if (size > documentBytesMax) throw new Failure(`${file} is larger than 32 MB; is this the right file?`)
    return new TextDecoder('utf-8', { fatal: true }).decode(await handle.readFile())
  } catch (error) {
    if (error instanceof Failure) throw error
    if (error instanceof TypeError) throw new Failure(`${file} is not UTF-8 text; save it as UTF-8`)
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    const why = code === 'ENOENT' ? 'there is no such file' : error instanceof Error ? error.message : String(error)
    throw new Failure(`${file} can't be read: ${why}`)
  }
}

function parseJson(text: string, file: string): unknown {
  if (jsonShapeProblem(text, { levelsMax: 500, valuesMax: 5_000_000 }) !== undefined) {
    throw new Failure(`${file} is nested too deeply, or holds more values than any document has`)
  }
  try {
    const value: unknown = JSON.parse(text)
    const twice = repeatedName(text)
    if (twice === undefined) return value
    // Of two "security" the API may go by the one, and the gateway by the other.
    throw new Failure(`${file} has the name ${JSON.stringify(twice)} twice in one object; remove one of the two`)
  } catch (error) {
    // What looks like JSON may also be YAML in braces.
    if (error instanceof SyntaxError) return parseYaml(text, file)
    throw error
  }
}

function parseYaml(text: string, file: string): unknown {
  try {
    const document = parseDocument(text, { stringKeys: true, merge: true, logLevel: 'error' })
    const [error] = document.errors
    if (error !== undefined) throw new Failure(`${file} is not YAML: ${error.message.split('\n')[0]}`)
    return document.toJS({ maxAliasCount: 10_000 })
  } catch (error) {
    if (error instanceof Failure) throw error
    throw new Failure(`${file} can't be read: ${error instanceof Error ? error.message : String(error)}`)
  }
}

const documentBytesMax = 32 * 1024 * 1024
const refsMax = 50
