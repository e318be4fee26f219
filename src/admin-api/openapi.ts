import { STATUS_CODES } from 'node:http'
import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger'
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod'
import { version } from '../version.ts'
import { accessOf, asksForProof } from './admission.ts'
import { withIdempotencyKey } from './idempotency.ts'

type Json = null | boolean | number | string | Json[] | { [name: string]: Json }
type JsonObject = { [name: string]: Json }

/**
 * How the schemas that validate become the OpenAPI document. What zod and the plugins write is put in order here, for
 * every operation alike: problems are of one shape, each operation says who may call it, and nothing is said twice.
 */
export const openapiOptions: FastifyDynamicSwaggerOptions = {
  openapi: {
    openapi: '3.1.0',
    info: {
      title: 'Sallyport admin API',
      version,
      description: 'Organizations, API keys and everything around them.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    // Wherever the document comes from: a page on another address of this listener could call no fixed one.
    servers: [{ url: '/', description: 'The admin listener' }],
    components: {
      securitySchemes: {
        token: {
          type: 'http',
          scheme: 'bearer',
          description: 'SALLYPORT_ADMIN_TOKEN, or a personal admin token.',
        },
        session: { type: 'apiKey', in: 'cookie', name: 'sallyport_session' },
      },
    },
    security: [{ token: [] }, { session: [] }],
  },
  transform: withIdempotencyKey(jsonSchemaTransform),
  transformObject: (input) => {
    const document = jsonSchemaTransformObject(input)
    return tidy(JSON.parse(JSON.stringify(document))) as ReturnType<typeof jsonSchemaTransformObject>
  },
}

function tidy(document: JsonObject): JsonObject {
  const paths = objectAt(document, 'paths')
  for (const [path, operations] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(operations as JsonObject)) {
      describeOperation(operation as JsonObject, method.toUpperCase(), path)
    }
  }
  const tidied = tidySchemas(document) as JsonObject
  const components = objectAt(tidied, 'components')
  components.schemas = usedSchemas(tidied, { ...objectAt(components, 'schemas'), Problem: problem, JsonValue: anyJson })
  return mergeDirections(tidied)
}

function describeOperation(operation: JsonObject, method: string, path: string): void {
  const url = path.replaceAll(/\{(\w+)\}/g, ':$1')
  const access = accessOf(method, url)
  operation.summary ??= summaryOf(String(operation.operationId))
  operation['x-required-role'] = access
  if (access === 'none') operation.security = []
  if (asksForProof(method, url)) {
    operation.description = [operation.description, proof].filter((text) => text !== undefined).join('\n\n')
  }
  if (method === 'PATCH') operation.parameters = [...((operation.parameters as Json[]) ?? []), ifMatch]
  if (method === 'POST') allowNoBody(operation)
  const responses = { ...refusalsOfAll(method, operation), ...objectAt(operation, 'responses') }
  operation.responses = responses
  for (const [status, response] of Object.entries(responses)) {
    const { description, content } = response as JsonObject
    responses[status] = {
      description: description === 'Default Response' ? (STATUS_CODES[status] ?? '') : (description ?? ''),
      ...(Number(status) >= 400
        ? { content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } } }
        : content !== undefined && !hasNoBody(Number(status)) && { content }),
    }
  }
}

/** What needs nothing needs no body: the plugin knows of no body that may be left out. */
function allowNoBody(operation: JsonObject): void {
  const body = objectAt(operation, 'requestBody')
  const schema = objectAt(objectAt(objectAt(body, 'content'), 'application/json'), 'schema')
  if (schema.type === 'object' && schema.required === undefined) body.required = false
}

/** What can befall a request before its route has a word in it, and so stands in no schema. */
function refusalsOfAll(method: string, { parameters }: JsonObject): JsonObject {
  const places = ((parameters ?? []) as JsonObject[]).map((parameter) => parameter.in)
  const isChecked = method !== 'GET' || places.includes('query')
  return {
    400: { description: 'The request is malformed.' },
    ...(method === 'PATCH' && { 412: { description: 'It has changed since: If-Match names another ETag.' } }),
    ...(method !== 'GET' && { 413: { description: 'The body is too large.' }, 415: { description: 'Not JSON.' } }),
    ...(isChecked && { 422: { description: 'The body, the query or a header is wrong; see errors.' } }),
    431: { description: 'URL and headers together are larger than 16 kB.' },
  }
}

const hasNoBody = (status: number): boolean => status === 204 || (status >= 300 && status < 400)

/** `createApiKey` → `Create API key` */
function summaryOf(operationId: string): string {
  const words = operationId.replaceAll(/([A-Z])/g, ' $1').toLowerCase()
  const text = words.replaceAll(/\bapi\b/g, 'API').replaceAll(/\boidc\b/g, 'OIDC')
  return text.charAt(0).toUpperCase() + text.slice(1)
}

/** Takes out what zod says of every number and time, and gives recursive JSON one name. */
function tidySchemas(value: Json): Json {
  if (Array.isArray(value)) return value.map(tidySchemas)
  if (value === null || typeof value !== 'object') return value
  if (typeof value.$ref === 'string' && isAnonymous(value.$ref)) return { $ref: '#/components/schemas/JsonValue' }
  const kept = Object.entries(value).filter(([name, member]) => {
    if (name === 'maximum' || name === 'minimum') return Math.abs(Number(member)) !== Number.MAX_SAFE_INTEGER
    return !(name === 'pattern' && value.format === 'date-time')
  })
  return Object.fromEntries(kept.map(([name, member]) => [name, tidySchemas(member)]))
}

/** What zod calls a schema that has no name and refers to itself: of those there is `z.json()` alone. */
const isAnonymous = (reference: string): boolean => /(?:__shared#\/\$defs|\/schemas)\/schema\d+$/.test(reference)

/** Those that something refers to, by whatever way. */
function usedSchemas(document: JsonObject, all: JsonObject): JsonObject {
  const used = new Set<string>()
  const visit = (value: Json): void => {
    for (const name of JSON.stringify(value).matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
      const [, schema = ''] = name
      if (used.has(schema)) continue
      used.add(schema)
      visit(all[schema] ?? null)
    }
  }
  visit(document.paths ?? null)
  const entries = Object.entries(all).filter(([name]) => used.has(name))
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** A schema has two names, one of them for bodies that come in. Where only that one is used it loses its `Input`. */
function mergeDirections(document: JsonObject): JsonObject {
  const names = Object.keys(objectAt(objectAt(document, 'components'), 'schemas'))
  const lone = names.filter((name) => name.endsWith('Input') && !names.includes(name.slice(0, -'Input'.length)))
  let text = JSON.stringify(document)
  for (const name of lone) {
    const short = name.slice(0, -'Input'.length)
    text = text
      .replaceAll(`"#/components/schemas/${name}"`, `"#/components/schemas/${short}"`)
      .replaceAll(`"${name}":`, `"${short}":`)
  }
  return JSON.parse(text)
}

const objectAt = (parent: JsonObject, name: string): JsonObject => (parent[name] ?? {}) as JsonObject

const proof =
  'With a session cookie: of a log-in in the last ten minutes, else 403 with `proof_required: true`. Log in again and repeat the request.'

const ifMatch: JsonObject = {
  in: 'header',
  name: 'If-Match',
  required: false,
  schema: { type: 'string' },
  description: 'The ETag of the object as you read it: 412 when it has changed since.',
}

const anyJson: JsonObject = { description: 'Any JSON value.' }

const problem: JsonObject = {
  type: 'object',
  description: 'RFC 9457. Statuses and codes are in the reference of errors.',
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    instance: { type: 'string' },
    code: { type: 'string' },
    request_id: { type: 'string' },
    proof_required: {
      type: 'boolean',
      description: 'Log in again and repeat the request: it needs a session of a log-in in the last ten minutes.',
    },
    errors: {
      type: 'array',
      items: {
        type: 'object',
        properties: { path: { type: 'string' }, message: { type: 'string' } },
        required: ['path', 'message'],
      },
    },
  },
  required: ['type', 'title', 'status', 'detail', 'instance', 'code', 'request_id'],
}
