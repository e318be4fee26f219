import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { openapiDocument, openapiTypes } from '../../docs/generate/openapi.ts'
import { repository, runNode } from '../helpers/cli.ts'

interface Operation {
  operationId: string
  summary: string
  tags: string[]
  security?: unknown[]
  'x-required-role': string
  parameters?: { in: string; name: string }[]
  requestBody?: { required?: boolean }
  responses: Record<string, { content?: Record<string, { schema: object }> }>
}

const committed = (name: string) => readFile(join(repository, 'docs/reference', name), 'utf8')

let text: string
let operations: { method: string; path: string; operation: Operation }[]
beforeAll(async () => {
  text = await openapiDocument()
  const { paths } = JSON.parse(text) as { paths: Record<string, Record<string, Operation>> }
  operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method, path, operation })),
  )
})

describe('docs/reference/openapi.json', () => {
  it('is what a gateway answers at /openapi.json (npm run generate:reference)', async () => {
    expect(await committed('openapi.json')).toBe(text)
  })

  it('has types for clients, made from it (npm run generate:reference)', async () => {
    expect(await committed('openapi.d.ts')).toBe(await openapiTypes(text))
  })

  it('has nothing that its linter objects to', async () => {
    const linter = join(repository, 'node_modules/@redocly/cli/bin/cli.js')
    const quiet = { REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' }
    const { code, stdout, stderr } = await runNode(
      [linter, 'lint', '--format=codeframe', 'docs/reference/openapi.json'],
      repository,
      quiet,
    )
    expect([code, /\d+ (?:errors?|warnings?)/.exec(`${stdout}${stderr}`)?.[0]]).toEqual([0, undefined])
  })
})

describe('the document', () => {
  it('is OpenAPI 3.1 with a name, a tag and a role for each operation', () => {
    expect(JSON.parse(text)).toMatchObject({ openapi: expect.stringMatching(/^3\.1\./) })
    const ids = operations.map(({ operation }) => operation.operationId)
    expect(new Set(ids).size).toBe(ids.length)
    for (const { path, operation } of operations) {
      expect([path, operation.tags.length > 0, operation.summary !== '']).toEqual([path, true, true])
      expect(['none', 'any', 'root', 'owner', 'admin', 'engineer', 'viewer']).toContain(operation['x-required-role'])
    }
  })

  it('has problems of one shape, and no body where there is none', () => {
    for (const { path, operation } of operations) {
      for (const [status, { content }] of Object.entries(operation.responses)) {
        if (status === '204') expect([path, content]).toEqual([path, undefined])
        if (Number(status) < 400 || content === undefined) continue
        const schema = { $ref: '#/components/schemas/Problem' }
        expect([path, content]).toEqual([path, { 'application/problem+json': { schema } }])
      }
    }
  })

  it('names If-Match on PATCH, and Idempotency-Key on what makes something', () => {
    const headersOf = (id: string) =>
      operations
        .find(({ operation }) => operation.operationId === id)
        ?.operation.parameters?.filter((parameter) => parameter.in === 'header')
        .map(({ name }) => name)
    expect(headersOf('updateApiKey')).toEqual(['If-Match'])
    expect(headersOf('createApiKey')).toEqual(['Idempotency-Key'])
    expect(headersOf('rotateApiKey')).toEqual(['Idempotency-Key'])
    expect(headersOf('getApiKey')).toEqual([])
  })

  it('says which bodies may be left out', () => {
    const optional = operations.filter(({ operation }) => operation.requestBody?.required === false)
    expect(optional.map(({ operation }) => operation.operationId).sort()).toEqual(
      expect.arrayContaining(['cancelJob', 'revealApiKey', 'revokeApiKey', 'rotateApiKey']),
    )
    expect(optional.filter(({ method }) => method !== 'post')).toEqual([])
  })

  it('has no answer of a type that it is not, and every refusal that comes before a route', () => {
    const responsesOf = (id: string) =>
      operations.find(({ operation }) => operation.operationId === id)?.operation.responses ?? {}
    expect(Object.keys(responsesOf('streamRequests')['200']?.content ?? {})).toEqual(['text/event-stream'])
    expect(Object.keys(responsesOf('listApiKeys'))).toEqual(expect.arrayContaining(['400', '422', '431']))
    expect(Object.keys(responsesOf('updateMe'))).toEqual(expect.arrayContaining(['400', '412', '413', '415', '422']))
  })

  it('refers to nothing that is not there, and holds nothing that is not used', () => {
    const { components } = JSON.parse(text) as { components: { schemas: Record<string, object> } }
    const references = [...text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map(([, name]) => name)
    expect([...new Set(references)].sort()).toEqual(Object.keys(components.schemas).sort())
  })
})
