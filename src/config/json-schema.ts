import { z } from 'zod'
import { configSchema } from './schema.ts'

/** The part of JSON Schema that comes of our schema. */
export interface JsonSchema {
  $schema?: string
  $defs?: Record<string, JsonSchema>
  $ref?: string
  type?: string
  title?: string
  description?: string
  default?: unknown
  const?: unknown
  enum?: readonly unknown[]
  pattern?: string
  anyOf?: JsonSchema[]
  items?: JsonSchema
  properties?: Record<string, JsonSchema>
  required?: readonly string[]
  propertyNames?: JsonSchema
  additionalProperties?: JsonSchema | boolean
}

/** The configuration as written, for the reference and for error messages. */
export const configJsonSchema = (): JsonSchema => z.toJSONSchema(configSchema, { io: 'input' }) as JsonSchema

/** For editors: the same, but any value may also be a variable, which no pattern of ours would take. */
export function editorSchema(): JsonSchema {
  const schema = allowVariables(configJsonSchema())
  return {
    ...schema,
    title: 'Sallyport configuration',
    $defs: { variable: { type: 'string', pattern: '\\$\\{', description: 'Read from the environment.' } },
  }
}

function allowVariables(schema: JsonSchema): JsonSchema {
  const { title: _, ...rest } = schema
  // What can be turned off: a variable could only stand for one half of it.
  if (rest.anyOf?.some(({ properties }) => properties)) return { ...rest, anyOf: rest.anyOf.map(belowOnly) }
  if (rest.properties || rest.items || typeof rest.additionalProperties === 'object') {
    const below: JsonSchema = { ...rest }
    if (rest.properties) below.properties = mapValues(rest.properties, allowVariables)
    if (rest.items) below.items = allowVariables(rest.items)
    if (typeof rest.additionalProperties === 'object')
      below.additionalProperties = allowVariables(rest.additionalProperties)
    if (rest.propertyNames) below.propertyNames = withoutTitle(rest.propertyNames)
    return below
  }
  const { description, default: fallback, anyOf, ...form } = rest
  return {
    ...(description !== undefined && { description }),
    ...(fallback !== undefined && { default: fallback }),
    anyOf: [...(anyOf ?? [form]), { $ref: '#/$defs/variable' }],
  }
}

const belowOnly = (schema: JsonSchema): JsonSchema => (schema.properties ? allowVariables(schema) : schema)

const withoutTitle = ({ title: _, ...rest }: JsonSchema): JsonSchema => rest

const mapValues = (map: Record<string, JsonSchema>, change: (schema: JsonSchema) => JsonSchema) =>
  Object.fromEntries(Object.entries(map).map(([key, value]) => [key, change(value)]))

/** @returns what the document may hold at a path, undefined where the schema knows nothing of it. */
export function schemaAt(root: JsonSchema, path: readonly (string | number)[]): JsonSchema | undefined {
  let schema: JsonSchema | undefined = root
  for (const part of path) {
    schema = schema && mapIn(schema)
    if (schema === undefined) return undefined
    if (typeof part === 'number') schema = schema.items ?? schema.anyOf?.find(({ items }) => items)?.items
    else if (schema.properties) schema = Object.hasOwn(schema.properties, part) ? schema.properties[part] : undefined
    else schema = typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined
  }
  return schema && mapIn(schema)
}

/** Of `false` or a map of keys, the map; what is said of the whole goes with it. */
export function mapIn(schema: JsonSchema): JsonSchema {
  const { anyOf, ...rest } = schema
  const map = anyOf?.find(({ properties }) => properties)
  return map === undefined ? schema : { ...map, ...rest }
}
