import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readDocument } from '../../../src/cli/openapi/document.ts'
import { importDocument } from './imported.ts'

describe('what is no document to import', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-openapi-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  const minimal = {
    openapi: '3.0.0',
    paths: { '/a': { get: { security: [{ key: [] }] } } },
    components: { securitySchemes: { key: { type: 'http', scheme: 'bearer' } } },
  }
  const importing = async (content: unknown) => {
    const file = join(folder, 'document')
    await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content))
    return importDocument({ ...(await readDocument(file)).root })
  }

  it.each<[what: string, document: unknown, message: string]>([
    ['something else in YAML', 'a: 1', 'it has neither "openapi" nor "swagger"'],
    ['another version', { openapi: '4.0.0' }, 'versions 3.0 to 3.2 of OpenAPI can be imported, and Swagger "2.0"'],
    ['broken YAML', 'openapi: 3.0.0\n  a: [', 'is not YAML'],
    ['a document without paths', { openapi: '3.1.0' }, 'has no paths'],
    ['a document without operations', { openapi: '3.1.0', paths: {} }, 'no operation that could be imported'],
    [
      'a name twice in JSON',
      '{"openapi":"3.0.0","paths":{"/a":{"get":{"security":[],"security":[{"k":[]}]}}}}',
      'has the name "security" twice',
    ],
    ['a name twice in YAML', 'openapi: 3.0.0\npaths:\n  /a: {}\n  /a: {}\n', 'Map keys must be unique'],
    [
      'a reference to another file',
      { openapi: '3.0.0', paths: { '/a': { $ref: './paths.yaml#/a' } } },
      '/a: refers to "./paths.yaml#/a", which is outside of the document',
    ],
    [
      'a reference into the network',
      { openapi: '3.0.0', paths: { '/a': { $ref: 'http://127.0.0.1:1/a' } } },
      'which is outside of the document',
    ],
    [
      'a reference to nothing',
      { openapi: '3.0.0', paths: { '/a': { $ref: '#/components/pathItems/a' } } },
      'which is not there',
    ],
    ['a reference to itself', { openapi: '3.0.0', paths: { '/a': { $ref: '#/paths/~1a' } } }, 'refers to itself'],
    [
      'servers with different paths',
      { ...minimal, servers: [{ url: '/v1' }, { url: 'https://example.com/v2/' }] },
      '/v1 (GET /a), /v2 (GET /a). Choose one with --base-path',
    ],
    ['a server that is relative', { ...minimal, servers: [{ url: 'v1' }] }, 'give its path with --base-path'],
    [
      'a $ref beside what it leads to',
      {
        ...minimal,
        paths: {
          '/a': { $ref: '#/components/pathItems/a', get: { security: [] } },
        },
        components: { pathItems: { a: { get: { security: [{ key: [] }] } } } },
      },
      'has "get" beside its $ref and behind it',
    ],
    [
      'an operation that is a reference',
      {
        ...{ ...minimal, security: [] },
        paths: { '/a': { delete: { $ref: '#/x-ops/wipe' } } },
        'x-ops': { wipe: { security: [{ key: ['admin'] }] } },
      },
      'DELETE /a: is a $ref, which OpenAPI does not allow for an operation; resolve it first',
    ],
    [
      'an operation with a reference beside other fields',
      { ...minimal, paths: { '/a': { get: { summary: 'A', $ref: './a.yaml' } } } },
      'GET /a: is a $ref',
    ],
    [
      'a further operation that is a reference',
      { ...minimal, paths: { '/a': { additionalOperations: { COPY: { $ref: './a.yaml' } } } } },
      'COPY /a: is a $ref',
    ],
    ['a version that holds itself', 'openapi: &a { b: *a }', 'its version is no text'],
    [
      'a server variable that is no text',
      { ...minimal, servers: [{ url: '/{v}', variables: { v: { default: { toString: 1 } } } }] },
      'has no default for {v}',
    ],
    ['a path without its slash', { ...minimal, paths: { a: {} } }, 'does not start with /'],
  ])('%s is refused, with what to do about it', async (_, document, message) => {
    await expect(importing(document)).rejects.toThrow(message)
  })

  it('a scheme whose type holds itself lets nobody pass', async () => {
    const { plan } = await importing(
      `openapi: 3.0.0
paths: { /a: { get: { security: [{ key: [] }] } }, /b: { get: { security: [{ key: [{ toString: 1 }] }] } } }
components: { securitySchemes: { key: { type: &a [*a] } } }`,
    )
    expect(plan).toMatchObject({ routes: 2, denied: 2 })
    expect(plan.text).toContain('the security scheme "key" is of a type that is no text')
  })

  it('a billion laughs is refused', async () => {
    const levels = Array.from({ length: 12 }, (_, n) => `x-${n + 1}: &a${n + 1} [${`*a${n},`.repeat(10)}]`)
    await expect(importing(`openapi: 3.0.0\nx-0: &a0 [1]\n${levels.join('\n')}\npaths: {}\n`)).rejects.toThrow()
  })
})
