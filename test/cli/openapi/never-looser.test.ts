import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { importDocument } from './imported.ts'

/**
 * Documents at random, judged by a reading of OpenAPI of its own: a request is an operation of the narrowest paths that match
 * it, and a caller may make it where one of the alternatives of its security is met.
 */
type Requirement = Record<string, string[]>
type Document = Record<string, Record<string, { security?: Requirement[] }>>

const methods = ['get', 'head', 'post', 'delete'] as const
const scopes = ['a', 'b', 'c'] as const
const segment = fc.constantFrom('x', 'y', '{p}', '{q}', '{r}.json', 'x:{s}')
const requirement = fc.dictionary(fc.constantFrom('oauth', 'other'), fc.subarray([...scopes]), { maxKeys: 2 })
const security = fc.option(fc.array(requirement, { maxLength: 3 }), { nil: undefined, freq: 8 })
const operation = security.map((list) => (list === undefined ? {} : { security: list }))
const document: fc.Arbitrary<Document> = fc.dictionary(
  fc
    .array(segment, { minLength: 1, maxLength: 3 })
    // A name that stands twice is no OpenAPI.
    .map((parts) => `/${parts.map((part, index) => part.replace(/\{(\w)\}/, `{$1${index}}`)).join('/')}`),
  fc.dictionary(fc.constantFrom(...methods), operation, { maxKeys: 3 }),
  { minKeys: 1, maxKeys: 6 },
)
const request = fc.record({
  method: fc.constantFrom(...methods, 'put'),
  path: fc
    .array(fc.constantFrom('x', 'y', 'z', 'z.json', 'x:z', 'y.json'), { minLength: 1, maxLength: 3 })
    .map((parts) => `/${parts.join('/')}`),
  caller: fc.option(fc.subarray([...scopes]), { nil: 'nobody' as const }),
})

const patternOf = (path: string): RegExp => new RegExp(`^${path.replaceAll('.', '\\.').replace(/\{\w+\}/g, '[^/]+')}$`)

/** Concrete segments go before templated ones; which of two templated ones an API takes is its own affair. */
function isWider(one: string, other: string): boolean {
  const [wide, narrow] = [one, other].map((path) => path.split('/').map((part) => (part.includes('{') ? '{}' : part)))
  const covers = (a: string[] = [], b: string[] = []): boolean =>
    a.length === b.length && a.every((part, index) => part === '{}' || part === b[index])
  return covers(wide, narrow) && !covers(narrow, wide)
}

function operationsOf(document: Document, method: string, path: string) {
  const matching = Object.keys(document).filter((template) => patternOf(template).test(path))
  const narrowest = matching.filter((template) => !matching.some((other) => isWider(template, other)))
  return narrowest.flatMap((template) => {
    const item = document[template] ?? {}
    const found = method === 'head' ? (item.head ?? item.get) : item[method]
    return found === undefined ? [] : [found]
  })
}

/** An operation of which nothing is said takes any key here. */
const mayCall = (security: Requirement[] | undefined, caller: readonly string[] | 'nobody'): boolean => {
  if (security === undefined) return caller !== 'nobody'
  if (security.length === 0) return true
  return security.some((requirement) => {
    if (Object.keys(requirement).length === 0) return true
    return (
      caller !== 'nobody' &&
      Object.values(requirement)
        .flat()
        .every((scope) => caller.includes(scope))
    )
  })
}

const whole = (document: Document) => ({
  openapi: '3.1.0',
  components: {
    securitySchemes: {
      oauth: { type: 'oauth2', flows: { clientCredentials: { tokenUrl: '/t', scopes: { a: 'A', b: 'B' } } } },
      other: { type: 'http', scheme: 'bearer' },
    },
  },
  paths: document,
})

describe('an imported document', () => {
  it('lets nothing through that the document does not let through', async () => {
    let allowed = 0
    await fc.assert(
      fc.asyncProperty(document, fc.array(request, { minLength: 20, maxLength: 20 }), async (document, requests) => {
        fc.pre(Object.values(document).some((item) => Object.keys(item).length > 0))
        const { ask, plan } = importDocument(whole(document))
        for (const { method, path, caller } of requests) {
          const { decision, route } = await ask(method.toUpperCase(), path, caller)
          if (decision === 'deny') continue
          allowed++
          const operations = operationsOf(document, method, path)
          const text = JSON.stringify({ document, method, path, caller, route, text: plan.text }, null, 1)
          expect(operations.length, text).toBeGreaterThan(0)
          for (const { security } of operations) expect(mayCall(security, caller), text).toBe(true)
        }
      }),
      { numRuns: 400 },
    )
    expect(allowed).toBeGreaterThan(100)
  })

  it('lets everything through that the document does, where each path is one of its own and a route can ask the same', async () => {
    let allowed = 0
    const plainSegment = fc.constantFrom('x', 'y', '{p}')
    const plain: fc.Arbitrary<Document> = fc.dictionary(
      fc
        .array(plainSegment, { minLength: 1, maxLength: 3 })
        .map((parts) => `/${parts.map((part, index) => part.replace('p', `p${index}`)).join('/')}`),
      fc.dictionary(
        fc.constantFrom('get', 'post', 'delete'),
        fc.array(requirement, { maxLength: 1 }).map((security) => ({ security })),
        { minKeys: 1 },
      ),
      { minKeys: 1, maxKeys: 6 },
    )
    await fc.assert(
      fc.asyncProperty(plain, fc.array(request, { minLength: 20, maxLength: 20 }), async (document, requests) => {
        const { ask, plan } = importDocument(whole(document))
        expect(plan.denied).toBe(0)
        for (const { method, path, caller } of requests) {
          const operations = operationsOf(document, method, path)
          const wanted = operations.length > 0 && operations.every(({ security }) => mayCall(security, caller))
          const { decision } = await ask(method.toUpperCase(), path, caller)
          expect(decision, JSON.stringify({ document, method, path, caller, text: plan.text }, null, 1)).toBe(
            wanted ? 'allow' : 'deny',
          )
          if (wanted) allowed++
        }
      }),
      { numRuns: 300 },
    )
    expect(allowed).toBeGreaterThan(100)
  })

  it('gives the same text again, whatever the order in the document, and when it is merged into itself', () => {
    fc.assert(
      fc.property(document, (document) => {
        fc.pre(Object.values(document).some((item) => Object.keys(item).length > 0))
        const { plan } = importDocument(whole(document))
        const turned = Object.fromEntries(Object.entries(document).reverse())
        expect(importDocument(whole(document)).plan.text).toBe(plan.text)
        expect(importDocument(whole(document), { into: plan.text }).plan.text).toBe(plan.text)
        expect(importDocument(whole(turned)).plan.text).toBe(plan.text)
      }),
      { numRuns: 200 },
    )
  })
})
