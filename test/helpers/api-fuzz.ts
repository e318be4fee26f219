import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { type ApiActor, type ApiActors, actorPassword } from './api-actors.ts'
import type { ApiCall } from './api-call.ts'
import type { ApiPopulation } from './api-population.ts'
import type { OpenApiDocument, Operation } from './openapi-document.ts'
import { arbitraryOf, brokenBody, type Hints, oddValue } from './schema-arbitrary.ts'

/** Draws a value, repeatably. */
type Draw = fc.GeneratorValue

export interface FuzzCall {
  readonly operation: Operation
  readonly call: ApiCall
  /** What stands in the path. */
  readonly params: Readonly<Record<string, string>>
  readonly actor: ApiActor
  /** How often it is sent at the same moment. */
  readonly times: number
}

interface Parts {
  readonly document: OpenApiDocument
  readonly population: ApiPopulation
  readonly actors: ApiActors
  readonly targetUrl: string
  readonly origin: string
}

/** Makes up calls: most of them as the document wants them, about what is there; the rest wrong in one way or several. */
export function createCaller({ document, population, actors, targetUrl, origin }: Parts) {
  // Without the bias to the ends of a range that values have: these are shares.
  const oneOf = <T>(draw: Draw, from: readonly T[]): T => draw(() => fc.noBias(fc.constantFrom(...from)))
  const chance = (draw: Draw, percent: number): boolean =>
    draw(() => fc.noBias(fc.integer({ min: 1, max: 100 }))) <= percent

  /** Often one of those that have succeeded least. */
  const chooseOperation = (draw: Draw, tally: ReadonlyMap<string, ReadonlyMap<number, number>>): Operation => {
    if (chance(draw, 60)) return oneOf(draw, document.operations)
    const worth = ({ id }: Operation) => {
      const counts = [...(tally.get(id) ?? [])]
      const called = counts.reduce((sum, [, count]) => sum + count, 0)
      const succeeded = counts.reduce((sum, [status, count]) => sum + (status < 300 ? count : 0), 0)
      // One that never succeeds, however often it is tried, is not tried for ever.
      return succeeded + Math.floor(called / 30)
    }
    const sorted = document.operations
      .map((operation) => [worth(operation), operation] as const)
      .sort(([a], [b]) => a - b)
    return oneOf(draw, sorted.slice(0, 8))[1]
  }

  const chooseActor = (draw: Draw): ApiActor => {
    if (chance(draw, 4)) return oneOf(draw, strangers)
    return chance(draw, 55) || actors.operators.length === 0 ? actors.root : oneOf(draw, actors.operators)
  }

  /** What fields of these names are about. Names that nobody thought of get what was seen under them. */
  const hintsFor =
    (draw: Draw, params: Readonly<Record<string, string>>): Hints =>
    (name) => {
      const organizationId = params.organization_id
      const ids = (parameter: string) => population.ids(parameter, organizationId)
      const email = () => `${draw(fc.stringMatching, /^[a-z]{12}$/)}-${randomBytes(3).toString('hex')}@example.com`
      switch (name) {
        case 'password':
        case 'current_password':
          return [actorPassword]
        case 'email':
          return [email(), ...population.seen('email').slice(-5)]
        case 'slug':
          return [`s${randomBytes(6).toString('hex')}`, ...population.seen('slug').slice(-1)]
        case 'confirm':
          return [population.fieldOf(organizationId ?? '', 'slug')].filter((slug) => slug !== undefined)
        case 'external_id':
          return [`x${randomBytes(6).toString('hex')}`]
        case 'scopes':
        case 'any_scope':
          return ['projects:read', 'projects:write', 'runs:write', '*', 'projects:*', 'keys:manage']
        case 'environment':
          return ['live', 'test']
        case 'allowed_ips':
        case 'ip':
          return ['10.0.0.0/8', '127.0.0.1', '::1', '2001:db8::/32']
        case 'per':
          return ['1m', '1h', '30s', '1d']
        case 'url':
          return [targetUrl]
        case 'path':
          return ['/projects/1', '/projects/1/runs', '/nowhere']
        case 'data':
          return imports
        case 'config':
        case 'yaml':
          return ['routes: []', 'routes: 7']
        case 'status':
        case 'role':
        case 'type':
        case 'token':
          return name === 'token' ? population.seen(name) : undefined
        case 'ids':
          return ids('key_id')
        case 'service_account_id':
          return ids('sa_id')
        case 'project_id':
          return ids('workspace_id')
        case 'owner':
          return [...ids('sa_id'), ...ids('operator_id')]
        case 'limit':
          return [1, 2, 50, 200]
        case 'q':
        case 'name':
        case 'description':
          return undefined
        default:
          if (/_ids?$/.test(name)) return ids(name.replace(/_ids$/, '_id'))
          return population.seen(name).length > 0 ? population.seen(name) : undefined
      }
    }

  const pathOf = (draw: Draw, { path }: Operation, params: Readonly<Record<string, string>>): string => {
    const bad = chance(draw, 10)
    return path.replaceAll(/\{(\w+)\}/g, (_all, name: string) => {
      if (!bad || !chance(draw, 60)) return encodeURIComponent(params[name] ?? `${name.slice(0, 2)}_nothing`)
      const foreign = population.ids(name)
      if (foreign.length > 0 && chance(draw, 40)) return encodeURIComponent(oneOf(draw, foreign))
      return oneOf(draw, oddSegments)
    })
  }

  const queryOf = (draw: Draw, operation: Operation, hints: Hints): string => {
    const pairs: string[] = []
    for (const { in: where, name, schema } of operation.parameters) {
      if (where !== 'query' || !chance(draw, 30)) continue
      const value = chance(draw, 80)
        ? draw(() => arbitraryOf(schema, { resolve: document.resolve, hints }, name))
        : draw(() => oddValue)
      const text = typeof value === 'string' ? value : JSON.stringify(value)
      pairs.push(`${name}=${encodeURIComponent(text.toWellFormed().slice(0, 2000))}`)
    }
    if (chance(draw, 4)) pairs.push(oneOf(draw, oddQueries))
    return pairs.length === 0 ? '' : `?${pairs.join('&')}`
  }

  const headersOf = (draw: Draw, operation: Operation, path: string): Record<string, string> => {
    const headers: Record<string, string> = {}
    for (const { in: where, name } of operation.parameters) {
      if (where !== 'header' || !chance(draw, 30)) continue
      const tag = name === 'If-Match' ? population.tagOf(path) : undefined
      if (tag !== undefined && chance(draw, 70)) headers[name] = tag
      else if (name === 'Idempotency-Key' && chance(draw, 60)) headers[name] = randomBytes(8).toString('hex')
      else headers[name] = oneOf(draw, oddHeaderValues)
    }
    return headers
  }

  return {
    next(draw: Draw, tally: ReadonlyMap<string, ReadonlyMap<number, number>>): FuzzCall {
      const pick = <T>(from: readonly T[]): T => oneOf(draw, from)
      let operation = chooseOperation(draw, tally)
      let place = population.placeFor(operation, pick)
      for (let depth = 0; place === undefined && depth < 3 && chance(draw, 90); depth++) {
        operation = population.sourceFor(operation, pick) ?? operation
        place = population.placeFor(operation, pick)
      }
      const params = place ?? {}
      const actor = chooseActor(draw)
      const hints = hintsFor(draw, params)
      const path = pathOf(draw, operation, params)
      const { body, type } = bodyOf(draw, operation, hints)
      const address = Array.from({ length: 3 }, () => draw(fc.integer, { min: 1, max: 254 })).join('.')
      const headers = {
        'x-forwarded-for': `10.${address}`,
        ...(body !== undefined && { 'content-type': type, 'content-length': String(Buffer.byteLength(body)) }),
        ...headersOf(draw, operation, path),
        ...actor.headers,
        ...(chance(draw, 2) && { origin: oneOf(draw, ['http://evil.example', 'null', origin]) }),
      }
      const call: ApiCall = {
        method: operation.method,
        path: `${path}${queryOf(draw, operation, hints)}`,
        headers,
        ...(body !== undefined && { body }),
      }
      return { operation, call, params, actor, times: chance(draw, 4) ? 3 : 1 }
    },
  }

  function bodyOf(draw: Draw, operation: Operation, hints: Hints): { body: string | undefined; type: string } {
    const type = chance(draw, 4) ? oneOf(draw, oddTypes) : 'application/json'
    if (operation.body === undefined) {
      const surplus = operation.method !== 'GET' && chance(draw, 8)
      return { body: surplus ? draw(() => brokenBody({ surplus: 1 })) : undefined, type }
    }
    if (!operation.body.required && chance(draw, 40)) return { body: undefined, type }
    const { schema } = operation.body
    const valid = draw(() => arbitraryOf(schema, { resolve: document.resolve, hints }))
    if (chance(draw, 80)) return { body: JSON.stringify(valid).toWellFormed(), type }
    return { body: draw(() => brokenBody(valid)), type }
  }
}

/** Whoever they say they are, they are nobody. */
const strangers: readonly ApiActor[] = [
  {},
  { authorization: '' },
  { authorization: 'Bearer' },
  { authorization: 'Bearer nobody' },
  { authorization: `Bearer spat_${'A'.repeat(43)}` },
  { authorization: 'Basic YTpi' },
  { cookie: 'sallyport_session=x' },
  { cookie: '__proto__=x; sallyport_session=' },
].map((headers) => ({ name: 'nobody', headers: headers as Record<string, string> }))

const oddSegments = [
  '__proto__',
  'constructor',
  'toString',
  '0',
  '-1',
  'null',
  '%00',
  '%ff',
  '%C0%80',
  '%',
  '%zz',
  '..',
  '%2e%2e',
  'a%2fb',
  '%5c',
  '*',
  "'%20or%201=1",
  '%F0%9F%92%A5',
  '%E2%80%AE',
  'x'.repeat(256),
  'x'.repeat(3000),
  'a;b=c',
  'ORG_x',
]
const oddQueries = [
  'limit=1&limit=2',
  'limit[]=1',
  '__proto__=1',
  'limit[__proto__]=1',
  'cursor=%00',
  '%',
  'a=%ff',
  '&&',
  '=',
]
const oddHeaderValues = [
  'k1',
  'k2',
  'k3',
  '*',
  '',
  '"x"',
  'W/"x"',
  'a b',
  'x'.repeat(256),
  'a, b',
  '"a", "b"',
  '__proto__',
]
const oddTypes = [
  'text/plain',
  'application/xml',
  'application/json; charset=utf-16',
  'application/json5',
  'x',
  'multipart/form-data',
]
const imports = [
  // Long enough to be cancelled.
  Array.from({ length: 1000 }, (_, line) => `{"name":"Line ${line}"}\n`).join(''),
  '{"name":"Imported"}\n{"name":7}\nnot json\n',
  `{"name":"Deep","metadata":${'{"a":'.repeat(6000)}1${'}'.repeat(6000)}}\n`,
  `{"name":"Deep","metadata":{"a":${'['.repeat(100)}${']'.repeat(100)}}}\n`,
  'name,environment\nImported,test\nBroken\n',
  `{"name":"Old","sha256":"${'ab'.repeat(32)}","key_prefix":"old_"}`,
]
