import { hash } from 'node:crypto'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { canonicalJson, eventHash, genesisHash } from '../../src/store/event-chain.ts'

/** RFC 8785 as slowly as it can be written. */
function reference(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(reference).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const names = Object.keys(value).sort()
  return `{${names.map((name) => `${JSON.stringify(name)}:${reference(Reflect.get(value, name))}`).join(',')}}`
}

const names = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('10', '9', '-1', '__proto__', 'toJSON', 'a', 'A', 'ä'),
)
const objects = (of: fc.Arbitrary<unknown>) => fc.dictionary(names, of, { maxKeys: 5 })
const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { maxDepth: 3 },
    fc.jsonValue({ maxDepth: 1 }),
    fc.array(tie('tree'), { maxLength: 4 }),
    objects(tie('tree')),
  ),
}))

it('is one text for one value, in whatever order its members came', () => {
  fc.assert(
    fc.property(tree, (value) => {
      const text = reference(value)
      expect(canonicalJson(value)).toBe(text)
      // What is read from it is in order already, which is the faster way.
      expect(canonicalJson(JSON.parse(text))).toBe(text)
    }),
    { numRuns: 500 },
  )
})

it('leaves out what is undefined in an object, and makes it null in a list', () => {
  expect(canonicalJson({ b: undefined, a: [undefined, { c: undefined }] })).toBe('{"a":[null,{}]}')
  expect(canonicalJson({ b: { z: 1, y: new Date(0) }, a: 1 })).toBe('{"a":1,"b":{"y":{},"z":1}}')
})

it('gives an event the hash that it has always had', () => {
  const event = {
    ...{ seq: 7, id: 'evt_1', at: 5, type: 'api_key.created', organizationId: 'org_1', target: 'key_1' },
    ...{ actorType: 'operator', actorId: 'usr_1', requestId: null, before: null, after: { b: 1, a: 'ü' } },
    prevHash: genesisHash,
  }
  const text = `{"actorId":"usr_1","actorType":"operator","after":{"a":"ü","b":1},"at":5,"before":null,"id":"evt_1","organizationId":"org_1","prevHash":"${genesisHash}","requestId":null,"seq":7,"target":"key_1","type":"api_key.created"}`
  expect(eventHash(event)).toBe(hash('sha256', text))
})
