import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { readDocument } from '../../../src/cli/openapi/document.ts'
import { type Caller, importDocument } from './imported.ts'

const fixture = (name: string): string => fileURLToPath(new URL(name, import.meta.url))
const imported = async (name: string) => importDocument({ ...(await readDocument(fixture(name))).root })

const asked = async (api: Awaited<ReturnType<typeof imported>>, request: string, caller: Caller) => {
  const [method = '', path = ''] = request.split(' ')
  const { decision, code } = await api.ask(method, path, caller)
  return code ?? decision
}

describe('the petstore', async () => {
  const api = await imported('petstore.yaml')
  const base = '/api/v3'

  it.each<[request: string, least: readonly (readonly string[])[]]>([
    ['PUT /pet', [['write:pets', 'read:pets']]],
    ['POST /pet', [['write:pets', 'read:pets']]],
    ['GET /pet/findByStatus', [['write:pets', 'read:pets']]],
    ['GET /pet/findByTags', [['read:pets']]],
    ['GET /pet/7', [[]]],
    ['POST /pet/7', [['write:pets', 'read:pets']]],
    ['DELETE /pet/7', [['write:pets'], ['admin:pets']]],
    ['POST /pet/7/uploadImage', [['write:pets']]],
    ['GET /store/inventory', [[]]],
    ['POST /store/order', [[]]],
    ['GET /store/order/1', [[]]],
    ['DELETE /store/order/1', [[]]],
    ['GET /user/ada', [[]]],
    ['PUT /user/ada', [['users']]],
    ['DELETE /user/ada', [['users', 'users.delete']]],
  ])('asks for exactly what it says: %s', async (request, alternatives) => {
    const [method = '', path = ''] = request.split(' ')
    const ask = (caller: Caller) => asked(api, `${method} ${base}${path}`, caller)
    expect(await ask('nobody')).toBe('INVALID_API_KEY')
    const all = Object.keys(api.config.scopes)
    for (const least of alternatives) {
      expect(await ask(least)).toBe('allow')
      // One fewer is not enough, whatever else the key has that no alternative is made of.
      for (const missing of least) {
        const rest = all.filter(
          (scope) => scope !== missing && !alternatives.some((one) => one !== least && one.includes(scope)),
        )
        expect([missing, await ask(rest)]).toEqual([missing, 'INSUFFICIENT_SCOPE'])
      }
    }
  })

  it.each(['POST /user', 'GET /user/login', 'GET /user/logout'])('asks nobody for a key: %s', async (request) => {
    expect(await asked(api, request.replace(' ', ` ${base}`), 'nobody')).toBe('allow')
  })

  it.each([
    ['PATCH /api/v3/pet', 'METHOD_NOT_ALLOWED'],
    ['DELETE /api/v3/pet/findByTags', 'METHOD_NOT_ALLOWED'],
    ['GET /pet/7', 'NOT_FOUND'],
    ['GET /api/v3/pet/7/8', 'NOT_FOUND'],
    ['GET /api/v3', 'NOT_FOUND'],
    ['GET /api/v3/users', 'NOT_FOUND'],
  ])('has nothing else: %s', async (request, code) => {
    expect(await asked(api, request, ['*'])).toBe(code)
    expect(await asked(api, request, 'nobody')).toBe('INVALID_API_KEY')
  })

  it('takes descriptions of scopes along, and counts', () => {
    expect(api.config.scopes).toMatchObject({
      'write:pets': 'modify pets in your account',
      users: 'The document does not describe it',
    })
    expect(api.plan).toMatchObject({ public: 3, denied: 0, scopes: 5 })
    expect(api.plan.notes).toEqual([
      expect.stringContaining('does not say who may call 3 operations (POST /store/order …): any valid key'),
    ])
  })

  it('makes public what the document says nothing of when it is told to', async () => {
    const root = { ...(await readDocument(fixture('petstore.yaml'))).root }
    const open = importDocument(root, { withoutSecurity: 'public' })
    expect(await asked(open, 'POST /api/v3/store/order', 'nobody')).toBe('allow')
    expect(await asked(open, 'PUT /api/v3/user/ada', 'nobody')).toBe('INVALID_API_KEY')
  })
})

describe('a document of 500 operations', () => {
  const kinds = [
    'orders',
    'invoices',
    'customers',
    'items',
    'shipments',
    'returns',
    'reports',
    'users',
    'teams',
    'tags',
  ]
  const paths: Record<string, Record<string, unknown>> = {}
  const wanted: [request: string, scopes: string[] | 'public'][] = []
  for (let region = 0; region < 10; region++) {
    for (const kind of kinds) {
      const add = (method: string, path: string, scopes: string[] | 'public') => {
        const security = scopes === 'public' ? [] : [{ oauth: scopes }]
        paths[path] = {
          ...paths[path],
          [method]: { operationId: `${method}${kind}${region}`, security, responses: {} },
        }
        wanted.push([`${method.toUpperCase()} ${path.replace('{id}', '42')}`, scopes])
      }
      const base = `/regions/r${region}/${kind}`
      add('get', base, [`${kind}:read`])
      add('post', base, [`${kind}:write`, `region:r${region}`])
      add('get', `${base}/{id}`, kind === 'reports' ? 'public' : [`${kind}:read`])
      add('put', `${base}/{id}`, [`${kind}:write`])
      add('delete', `${base}/{id}`, [`${kind}:delete`, `${kind}:write`])
    }
  }
  const root = {
    openapi: '3.0.0',
    paths,
    components: { securitySchemes: { oauth: { type: 'oauth2', flows: { clientCredentials: { scopes: {} } } } } },
  }

  it('asks for exactly what each operation says', async () => {
    expect(wanted).toHaveLength(500)
    const api = importDocument(root)
    for (const [request, scopes] of wanted) {
      if (scopes === 'public') {
        expect([request, await asked(api, request, 'nobody')]).toEqual([request, 'allow'])
        continue
      }
      expect([request, await asked(api, request, scopes)]).toEqual([request, 'allow'])
      expect([request, await asked(api, request, 'nobody')]).toEqual([request, 'INVALID_API_KEY'])
      for (const missing of scopes) {
        const rest = Object.keys(api.config.scopes).filter((scope) => scope !== missing)
        expect([request, await asked(api, request, rest)]).toEqual([request, 'INSUFFICIENT_SCOPE'])
      }
    }
    expect(await asked(api, 'PATCH /regions/r1/orders/42', ['*'])).toBe('METHOD_NOT_ALLOWED')
    expect(await asked(api, 'GET /regions/r10/orders', ['*'])).toBe('NOT_FOUND')
    expect(api.plan).toMatchObject({ public: 10, denied: 0 })
  })
})

describe('a document with all the corners', async () => {
  const api = await imported('tricky.yaml')
  const readonly = 'www.googleapis.com:auth:drive.readonly'
  const drive = 'www.googleapis.com:auth:drive'

  it.each<[request: string, caller: Caller, becomes: string]>([
    // HEAD and GET are one to a route: both rules hold for both.
    ['GET /v2/files', [readonly, drive], 'allow'],
    ['GET /v2/files', [readonly], 'INSUFFICIENT_SCOPE'],
    ['HEAD /v2/files', [drive], 'INSUFFICIENT_SCOPE'],
    ['GET /v2/files/7', ['files:read-2'], 'INSUFFICIENT_SCOPE'],
    ['GET /v2/files/7', ['files:read-2', 'files:export'], 'allow'],
    ['GET /v2/files/7', ['files:read'], 'INSUFFICIENT_SCOPE'],
    ['POST /v2/files/7:copy', ['*'], 'ROUTE_DENIED'],
    ['POST /v2/files/7', ['*'], 'ROUTE_DENIED'],
    ['GET /v2/files/latest', ['files:read-2', 'files:export'], 'INSUFFICIENT_SCOPE'],
    ['GET /v2/files/latest', ['files:read-2', 'files:export', 'admin'], 'allow'],
    ['DELETE /v2/files/latest', ['admin'], 'allow'],
    ['GET /v2/cats/latest', ['admin'], 'allow'],
    ['GET /v2/teams/7', [], 'allow'],
    ['GET /v2/teams/7/', [], 'allow'],
    ['DELETE /v2/teams/7', ['keys:manage'], 'INSUFFICIENT_SCOPE'],
    ['DELETE /v2/teams/7', ['keys:manage-2'], 'allow'],
    ['PUT /v2/teams/7/members/8', ['files:write'], 'allow'],
    ['PUT /v2/teams/7/members/8', ['files:read'], 'INSUFFICIENT_SCOPE'],
    ['GET /v2/choices/one-of', ['b'], 'allow'],
    ['GET /v2/choices/one-of', ['c'], 'INSUFFICIENT_SCOPE'],
    ['GET /v2/choices/one-of-with-a', ['a', 'c'], 'allow'],
    ['GET /v2/choices/one-of-with-a', ['b', 'c'], 'INSUFFICIENT_SCOPE'],
    ['GET /v2/choices/pairs', ['*'], 'ROUTE_DENIED'],
    ['GET /v2/choices/twice', ['a', 'b'], 'allow'],
    ['GET /v2/choices/twice', ['a'], 'INSUFFICIENT_SCOPE'],
    ['GET /v2/choices/roles', ['auditor'], 'allow'],
    ['GET /v2/choices/roles', ['a'], 'INSUFFICIENT_SCOPE'],
    ['GET /v2/choices/other', 'nobody', 'allow'],
    ['GET /v2/broken/certificate', ['*'], 'ROUTE_DENIED'],
    ['GET /v2/broken/certificate-or-key', [], 'allow'],
    ['GET /v2/broken/unknown', ['*'], 'ROUTE_DENIED'],
    ['GET /v2/broken/no-list', ['*'], 'ROUTE_DENIED'],
    ['GET /v2/broken/no-names', ['*'], 'ROUTE_DENIED'],
    ['GET /v2/broken/above', ['*'], 'ROUTE_DENIED'],
    ['GET /v2/broken/other', 'nobody', 'allow'],
    ['TRACE /v2/broken/other', ['*'], 'BAD_REQUEST'],
    ['GET /v2/signs/:colon/*', 'nobody', 'allow'],
    ['GET /v2/signs/7/8', ['*'], 'NOT_FOUND'],
    ['GET /v2/signs/caf%C3%A9%20au%20lait', 'nobody', 'allow'],
    // `$` and a parameter are a part of a segment.
    ['GET /v2/signs/$7', ['*'], 'ROUTE_DENIED'],
    ['POST /v2/signs/query', ['*'], 'ROUTE_DENIED'],
    ['GET /anything', 'nobody', 'INVALID_API_KEY'],
    ['GET /anything', ['*'], 'NOT_FOUND'],
    ['POST /v2/told', ['*'], 'NOT_FOUND'],
  ])('%s by %j: %s', async (request, caller, becomes) => {
    expect(await asked(api, request, caller)).toBe(becomes)
  })

  it('keeps text of the document from becoming more than text', () => {
    expect(Object.keys(api.config.scopes)).not.toContain('evil')
    expect(api.config.scopes[drive]).toBe('All files\n  evil: "yes"')
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it must stay as it is
    expect(api.config.scopes[readonly]).toBe('Read files in ${HOME}')
    expect(api.config.routes.some(({ path }) => path === '/*')).toBe(false)
  })

  it('takes no scheme for a leave to come without one, whatever its name is', () => {
    const named = (security: unknown) =>
      importDocument({
        openapi: '3.0.0',
        paths: { '/a': { get: { security } } },
        components: { securitySchemes: { 'no credentials': { type: 'apiKey' } } },
      }).config.routes[0]?.public === true
    expect(named([{ 'no credentials': [] }])).toBe(false)
    expect(named([{ 'no credentials': [] }, {}])).toBe(true)
  })

  it('never makes one scope of two', () => {
    expect(Object.keys(api.config.scopes)).toEqual(
      expect.arrayContaining(['files:read-2', 'files:export', 'files:write']),
    )
    expect(api.config.scopes['files:read-2']).toBe('Read a file')
  })

  it('tells of each thing that it denies or leaves out', () => {
    const notes = api.plan.notes.join('\n')
    for (const part of [
      'paths start with /v2, the default of {stage}',
      'TRACE /broken/{thing}: left out',
      'GET /signs/a;b: left out',
      'GET /v2/choices/pairs: nobody may call it: it asks for (a and b) or (c and d)',
      'asks for a client certificate',
      'there is no security scheme "nowhere"',
      'its security is not a list',
      'the scopes of "google" are not a list of names',
      'its path has a security',
    ]) {
      expect(notes).toContain(part)
    }
  })
})
