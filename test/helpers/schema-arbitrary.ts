import fc from 'fast-check'
import type { Schema } from './openapi-document.ts'

/** Values that mean something to the API under test, by the name of a field; undefined or none for other fields. */
export type Hints = (name: string) => readonly unknown[] | undefined

interface Parts {
  readonly resolve: (schema: Schema) => Schema
  readonly hints: Hints
}

/** Values that a schema admits. Where there are hints for a field it mostly gets one of them. */
export function arbitraryOf(schema: Schema, parts: Parts, name = ''): fc.Arbitrary<unknown> {
  const resolved = parts.resolve(schema)
  const hints = resolved.type === 'array' ? undefined : parts.hints(name)
  const plain = () => plainArbitrary(resolved, parts, name)
  if (hints === undefined || hints.length === 0) return plain()
  return fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...hints) }, { weight: 1, arbitrary: plain() })
}

function plainArbitrary(schema: Schema, parts: Parts, name: string): fc.Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const)
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum)
  const choices = schema.anyOf ?? schema.oneOf
  if (choices !== undefined) return fc.oneof(...choices.map((choice) => arbitraryOf(choice, parts, name)))
  const types = schema.type === undefined ? [] : [schema.type].flat()
  if (types.length === 0) return fc.jsonValue({ maxDepth: 2 })
  return fc.oneof(...types.map((type) => ofType(type, schema, parts, name)))
}

function ofType(type: string, schema: Schema, parts: Parts, name: string): fc.Arbitrary<unknown> {
  switch (type) {
    case 'null':
      return fc.constant(null)
    case 'boolean':
      return fc.boolean()
    case 'integer':
      return fc.integer({ min: schema.minimum ?? -1000, max: Math.min(schema.maximum ?? 1e6, 2 ** 31) })
    case 'number':
      return fc.double({ min: schema.minimum ?? -1e6, max: schema.maximum ?? 1e6, noNaN: true })
    case 'string':
      return text(schema)
    case 'array': {
      const one = arbitraryOf(schema.items ?? {}, parts, name)
      const length = { minLength: schema.minItems ?? 0, maxLength: Math.max(schema.minItems ?? 0, 3) }
      return schema.uniqueItems === true ? fc.uniqueArray(one, length) : fc.array(one, length)
    }
    case 'object':
      return object(schema, parts)
    default:
      throw new Error(`no values for the type ${type}`)
  }
}

function text({ format, pattern, minLength = 0, maxLength = 40 }: Schema): fc.Arbitrary<string> {
  if (format === 'date-time') {
    const days = { min: new Date('2020-01-01'), max: new Date('2030-01-01'), noInvalidDate: true }
    return fc.date(days).map((date) => date.toISOString())
  }
  if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern))
  const length = { minLength, maxLength: Math.max(minLength, Math.min(maxLength, 40)) }
  return fc.oneof(
    fc.string(length),
    fc.string({ ...length, unit: 'grapheme' }).filter(({ length }) => length <= maxLength),
  )
}

function object({ properties = {}, required = [], ...schema }: Schema, parts: Parts): fc.Arbitrary<unknown> {
  const fields = Object.entries(properties).map(([name, member]) => [name, arbitraryOf(member, parts, name)] as const)
  const { additionalProperties: further } = schema
  if (fields.length === 0 && further !== false && further !== undefined) {
    const names = arbitraryOf(schema.propertyNames ?? { type: 'string' }, parts) as fc.Arbitrary<string>
    const values = further === true ? fc.jsonValue({ maxDepth: 2 }) : arbitraryOf(further, parts)
    return fc.dictionary(names, values, { maxKeys: 4 })
  }
  // Ids of what there is none of yet are left out: a made-up one would spoil all the rest.
  const useful = fields.filter(([name]) => required.includes(name) || parts.hints(name)?.length !== 0)
  return fc.record(Object.fromEntries(useful), { requiredKeys: [...required] })
}

function nested(levels: number): unknown {
  let value: unknown = 1
  for (let level = 0; level < levels; level++) value = level % 2 === 0 ? [value] : { a: value }
  return value
}

/** What no schema expects: wrong types, huge and odd texts, names of the prototype, numbers at the edge. */
export const oddValue: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(null, true, 0, -1, 1.5, 1e308, 2 ** 53, -0, '', [], {}, [[]], [null]),
  fc.constantFrom<unknown>(
    '__proto__',
    'constructor',
    'toString',
    { constructor: {} },
    { toString: 1 },
    { length: -1 },
  ),
  fc.constantFrom(
    '\u0000',
    '\ud800',
    '\u202e',
    '\ufeff',
    '\u0130',
    'ﬀ',
    '💥'.repeat(30),
    "'; --",
    '%',
    '_',
    '\\',
    '%00',
  ),
  fc.constantFrom('x'.repeat(10_000), 'é'.repeat(5000), ' ', '\n', '../..', '{{x}}', '*', '0', 'NaN', '9'.repeat(400)),
  fc.constantFrom(10, 60, 100, 3000).map(nested),
  fc.string({ unit: 'binary' }),
  fc.jsonValue({ maxDepth: 3 }),
)

/** A body with one thing about it changed, as it goes over the wire. */
export function brokenBody(body: unknown): fc.Arbitrary<string> {
  const places = placesIn(body)
  const changed = fc
    .tuple(fc.constantFrom(...places), fc.constantFrom('replace', 'drop', 'extra'), oddValue)
    .map(([place, how, odd]) => JSON.stringify(change(body, place, how, odd)) ?? 'null')
  const raw = JSON.stringify(body) ?? ''
  const broken = fc.constantFrom(
    '',
    '{',
    'null',
    '[]',
    '""',
    '{"__proto__":{"isRoot":true}}',
    '{"constructor":{"prototype":{"x":1}}}',
    `${'['.repeat(5000)}${']'.repeat(5000)}`,
    raw.slice(0, -1),
    `${raw}${raw}`,
    `\ufeff${raw}`,
    raw.replace('{', '{"name":1,"name":2,'),
  )
  return fc.oneof({ weight: 4, arbitrary: changed }, { weight: 1, arbitrary: broken })
}

type Place = readonly (string | number)[]

function placesIn(value: unknown, at: Place = []): Place[] {
  if (typeof value !== 'object' || value === null) return [at]
  const within = Object.entries(value).flatMap(([name, member]) =>
    placesIn(member, [...at, Array.isArray(value) ? Number(name) : name]),
  )
  return [at, ...within]
}

function change(value: unknown, [first, ...rest]: Place, how: string, odd: unknown): unknown {
  if (first === undefined) {
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    return how === 'extra' && isObject ? { ...value, [typeof odd === 'string' ? odd : 'surplus']: odd } : odd
  }
  if (Array.isArray(value)) {
    return value.map((member, index) => (index === first ? change(member, rest, how, odd) : member))
  }
  const entries = Object.entries(value as object)
  const kept = how === 'drop' && rest.length === 0 ? entries.filter(([name]) => name !== first) : entries
  return Object.fromEntries(
    kept.map(([name, member]) => [name, name === first ? change(member, rest, how, odd) : member]),
  )
}
