import type { z } from 'zod'

type Issue = z.core.$ZodRawIssue

/**
 * What a schema objects to, in words that stand behind the name of the field: "is required", "must be a whole number". For
 * `safeParse(value, { error: schemaWords })`; messages that a schema has itself are not touched.
 */
export const schemaWords: z.core.$ZodErrorMap = (issue) => {
  switch (issue.code) {
    case 'invalid_type':
      if (issue.input === undefined && !isWhole(issue)) return 'is required'
      return mustBe(typeOf(issue.expected, isWhole(issue)), issue)
    case 'invalid_value': {
      const among = oneOf(issue.values.map(String))
      return issue.input === undefined ? `is required: ${among}` : `must be ${among}`
    }
    case 'invalid_union':
      return unionWords(issue)
    case 'unrecognized_keys':
      return issue.keys.length === 1
        ? `has a field that is not known: ${shown(issue.keys)}`
        : `has fields that are not known: ${shown(issue.keys)}`
    case 'too_small':
      return smallWords(issue.origin, Number(issue.minimum), issue.inclusive !== false)
    case 'too_big':
      return bigWords(issue.origin, Number(issue.maximum), issue.inclusive !== false)
    case 'invalid_format':
      return formats[issue.format] ?? 'has a form that is not allowed'
    case 'not_multiple_of':
      return `must be a multiple of ${issue.divisor}`
    case 'invalid_key':
      return 'has a name that is not allowed'
    default:
      return 'is not valid'
  }
}

const isWhole = ({ path }: Issue): boolean => (path?.length ?? 0) === 0

/** A number in quotes is the most frequent mistake of all. */
function mustBe(what: string, { input }: Issue): string {
  const quoted = typeof input === 'string' && /number$|^true or false$/.test(what) ? ', without quotes' : ''
  return `must be ${what}${quoted}`
}

function typeOf(expected: string, isRoot: boolean): string {
  if (isRoot && expected === 'object') return 'a JSON object'
  return types[expected] ?? 'of another type'
}

const types: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
  null: 'null',
}

function unionWords(issue: Extract<Issue, { code: 'invalid_union' }>): string {
  const isMissing = issue.input === undefined && !isWhole(issue)
  // Of a union by one of its fields the issue stands at that field, and knows what it may be.
  if ('options' in issue && Array.isArray(issue.options)) {
    const among = oneOf(issue.options.map(String))
    const name = issue.path?.at(-1)
    const value =
      typeof issue.input === 'object' && issue.input !== null && name !== undefined
        ? at(issue.input, name)
        : issue.input
    return value === undefined ? `is required: ${among}` : `must be ${among}`
  }
  if (isMissing) return 'is required'
  const plain = issue.errors.flatMap(([first]) =>
    first?.code === 'invalid_type' && first.path.length === 0 ? [first.expected] : [],
  )
  const named = [...new Set(plain.map((expected) => typeOf(expected, false)))]
  return plain.length === issue.errors.length && named.length > 0
    ? `must be ${named.join(' or ')}`
    : 'is not valid in any of the ways that it may be written'
}

const at = (object: object, name: PropertyKey): unknown => Reflect.get(object, name)

function smallWords(origin: string, minimum: number, inclusive: boolean): string {
  if (isNumber(origin)) return inclusive ? `must be at least ${minimum}` : `must be more than ${minimum}`
  if (minimum === 1) return 'must not be empty'
  return `must have at least ${minimum} ${unit(origin)}`
}

function bigWords(origin: string, maximum: number, inclusive: boolean): string {
  if (isNumber(origin)) return inclusive ? `must be at most ${maximum}` : `must be less than ${maximum}`
  return `must have at most ${maximum} ${unit(origin)}`
}

const isNumber = (origin: string): boolean => origin === 'number' || origin === 'int' || origin === 'bigint'
const unit = (origin: string): string => (origin === 'string' ? 'characters' : 'entries')

const formats: Readonly<Record<string, string>> = {
  datetime: 'must be a time such as 2026-01-31T12:00:00Z',
  date: 'must be a date such as 2026-01-31',
  email: 'must be an email address',
  url: 'must be a URL',
  uuid: 'must be a UUID',
}

const oneOf = (values: readonly string[]): string =>
  values.length === 1 ? JSON.stringify(values[0]) : `one of ${shown(values)}`

/** What came from outside may be long. */
function shown(names: readonly string[]): string {
  const first = names
    .slice(0, namesMax)
    .map((name) => (name.length > lengthMax ? `${name.slice(0, lengthMax)}…` : name))
  return `${first.join(', ')}${names.length > namesMax ? ' …' : ''}`
}

const namesMax = 20
const lengthMax = 60
