import { expect, it } from 'vitest'
import { z } from 'zod'
import { schemaWords } from '../src/schema-words.ts'

const schema = z.strictObject({
  text: z.string().min(2).max(5),
  name: z.string().min(1),
  count: z.int().min(1).max(9),
  ratio: z.number().gt(0),
  flag: z.boolean(),
  list: z.array(z.string()).min(1).max(2),
  tags: z.record(z.string().regex(/^[a-z]+$/), z.string()),
  when: z.iso.datetime(),
  mail: z.email(),
  link: z.url(),
  kind: z.enum(['a', 'b']),
  only: z.literal('x'),
  mixed: z.union([z.string(), z.number()]),
  order: z.discriminatedUnion('type', [z.object({ type: z.literal('q') }), z.object({ type: z.literal('w') })]),
  own: z.string().regex(/^sk_/, 'must begin with sk_'),
})

const told = (value: unknown, of: z.ZodType = schema) =>
  Object.fromEntries(
    of.safeParse(value, { error: schemaWords }).error?.issues.map((one) => [one.path.join('.'), one.message]) ?? [],
  )

it('says of what is missing that it is required, and what it may be', () => {
  expect(told({})).toEqual({
    ...Object.fromEntries(
      ['text', 'name', 'count', 'ratio', 'flag', 'list', 'tags', 'when', 'mail', 'link', 'mixed', 'own'].map((name) => [
        name,
        'is required',
      ]),
    ),
    kind: 'is required: one of a, b',
    only: 'is required: "x"',
    order: 'is required',
  })
  expect(told({ order: {} })).toMatchObject({ 'order.type': 'is required: one of q, w' })
})

it('says of what is of the wrong type what it must be', () => {
  const wrong = { text: 1, name: null, count: '3', ratio: 'x', flag: 'true', list: 'a', tags: [], when: 5, mail: {} }
  expect(told({ ...wrong, link: true, mixed: [], order: 'q', own: 1, kind: 7, only: 'y' })).toEqual({
    text: 'must be text',
    name: 'must be text',
    count: 'must be a number, without quotes',
    ratio: 'must be a number, without quotes',
    flag: 'must be true or false, without quotes',
    list: 'must be a list',
    tags: 'must be an object',
    when: 'must be text',
    mail: 'must be text',
    link: 'must be text',
    mixed: 'must be text or a number',
    order: 'must be an object',
    own: 'must be text',
    kind: 'must be one of a, b',
    only: 'must be "x"',
  })
  for (const nothing of [undefined, null, [], 'text']) expect(told(nothing)).toEqual({ '': 'must be a JSON object' })
})

it('says of what is too little, too much or of another form what is allowed', () => {
  const wrong = { text: 'abcdef', name: '', count: 10, ratio: 0, flag: true, list: [], tags: { A: 'x' }, when: 'now' }
  expect(
    told({ ...wrong, mail: 'x', link: 'x', mixed: 1, order: { type: 'e' }, own: 'pk_', kind: 'c', only: 'x' }),
  ).toEqual({
    text: 'must have at most 5 characters',
    name: 'must not be empty',
    count: 'must be at most 9',
    ratio: 'must be more than 0',
    list: 'must not be empty',
    'tags.A': 'has a name that is not allowed',
    when: 'must be a time such as 2026-01-31T12:00:00Z',
    mail: 'must be an email address',
    link: 'must be a URL',
    'order.type': 'must be one of q, w',
    own: 'must begin with sk_',
    kind: 'must be one of a, b',
  })
  expect(told({ text: 'a', count: 0, list: ['a', 'b', 'c'] })).toMatchObject({
    text: 'must have at least 2 characters',
    count: 'must be at least 1',
    list: 'must have at most 2 entries',
  })
  expect(told({ count: 1.5 })).toMatchObject({ count: 'must be a whole number' })
})

it('names fields that are not known, and not more of them than somebody reads', () => {
  const strict = z.strictObject({})
  expect(told({ colour: 1 }, strict)).toEqual({ '': 'has a field that is not known: colour' })
  expect(told({ a: 1, b: 2 }, strict)).toEqual({ '': 'has fields that are not known: a, b' })
  const many = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`${'x'.repeat(500)}${index}`, 1]))
  expect(told(many, strict)['']?.length).toBeLessThan(1500)
})
