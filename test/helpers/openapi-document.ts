import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'

/** A JSON Schema as the document holds it. */
export interface Schema {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean | Schema
  readonly propertyNames?: Schema
  readonly items?: Schema
  readonly minItems?: number
  readonly maxItems?: number
  readonly uniqueItems?: boolean
  readonly minLength?: number
  readonly maxLength?: number
  readonly pattern?: string
  readonly format?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMinimum?: number
}

interface Parameter {
  readonly in: 'path' | 'query' | 'header' | 'cookie'
  readonly name: string
  readonly required?: boolean
  readonly schema: Schema
}

/** One thing that the API says it can do. */
export interface Operation {
  readonly id: string
  /** In capitals. */
  readonly method: string
  /** With `{parameters}`. */
  readonly path: string
  readonly parameters: readonly Parameter[]
  /** Undefined where it takes no body. */
  readonly body: { readonly schema: Schema; readonly required: boolean } | undefined
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, { schema: Schema }>> }>>
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
}

export interface OpenApiDocument {
  readonly operations: readonly Operation[]
  /** Follows a `$ref`. */
  resolve(schema: Schema): Schema
  /** What is wrong with an answer by the word of the document; undefined when nothing is. */
  violation(operation: Operation, answer: Answer): string | undefined
}

/** Reads `/openapi.json` of a running gateway. */
export async function fetchOpenApi(adminUrl: string): Promise<OpenApiDocument> {
  const response = await fetch(`${adminUrl}/openapi.json`)
  if (response.status !== 200) throw new Error(`/openapi.json was answered ${response.status}`)
  return openApiDocument((await response.json()) as RawDocument)
}

interface RawOperation {
  readonly operationId: string
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: { readonly required?: boolean; readonly content: Record<string, { schema: Schema }> }
  readonly responses: Operation['responses']
}
interface RawDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, RawOperation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> }
}

function openApiDocument({ paths, components }: RawDocument): OpenApiDocument {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, raw]): Operation => {
      const json = raw.requestBody?.content['application/json']
      return {
        id: raw.operationId,
        method: method.toUpperCase(),
        path,
        parameters: raw.parameters ?? [],
        body: json && { schema: json.schema, required: raw.requestBody?.required === true },
        responses: raw.responses,
      }
    }),
  )
  const resolve = (schema: Schema): Schema => {
    const name = schema.$ref?.split('/').at(-1)
    if (name === undefined) return schema
    const found = components.schemas[name]
    if (found === undefined) throw new Error(`the document has no ${schema.$ref}`)
    return resolve(found)
  }

  const ajv = new Ajv2020({ strict: false, allErrors: true })
  // SPEC section 7: ISO 8601, UTC.
  ajv.addFormat('date-time', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/)
  const compiled = new Map<Schema, ValidateFunction>()
  const check = (schema: Schema, value: unknown): string | undefined => {
    let validate = compiled.get(schema)
    if (validate === undefined) {
      validate = ajv.compile({ ...schema, components })
      compiled.set(schema, validate)
    }
    return validate(value) ? undefined : ajv.errorsText(validate.errors, { separator: '; ' })
  }

  return {
    operations,
    resolve,
    violation({ responses }, { status, headers, text }) {
      const declared = responses[String(status)]
      if (declared === undefined) return `status ${status} is not declared`
      const type = String(headers['content-type'] ?? '').split(';', 1)[0] ?? ''
      if (declared.content === undefined) return text === '' ? undefined : `${status} has a body of type ${type}`
      const media = declared.content[type]
      if (media === undefined) return `${status} is ${type || 'of no type'}, not ${Object.keys(declared.content)}`
      if (!/\bjson$/.test(type)) return undefined
      let value: unknown
      try {
        value = JSON.parse(text)
      } catch {
        return `${status} is not JSON`
      }
      const wrong = check(media.schema, value)
      return wrong && `${status} breaks its schema: ${wrong}`
    },
  }
}
