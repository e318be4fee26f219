import type { z } from 'zod'
import { configJsonSchema, type JsonSchema, schemaAt } from './json-schema.ts'
import { nearest } from './nearest.ts'
import { either, type Finding, type Path, show } from './problems.ts'

/**
 * What the schema objects to, in words: what was found, what is allowed.
 * @param written the scalar as it stands in the file where variables were replaced in it; their values are not shown.
 */
export function explainIssues(
  issues: readonly z.core.$ZodIssue[],
  document: unknown,
  written: (path: Path) => string | undefined,
): Finding[] {
  const schema = configJsonSchema()
  return issues.flatMap((issue): Finding[] => {
    const path = issue.path as Path
    if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey(schema, path, key))
    if (issue.code === 'invalid_key') {
      return [{ path, atKey: true, message: `${show(path.at(-1))} ${issue.issues[0]?.message ?? 'is not a name'}` }]
    }
    const found = valueAt(document, path)
    if (found === undefined) return [missingKey(schema, path)]
    if (found === null)
      return [{ path, atKey: true, message: `is empty; write a value, or remove the key${afterwards(path)}` }]
    if (path.length === 0)
      return [{ path, message: 'the file must be a map of keys and values; each colon needs a space behind it' }]
    const inside = mapBranch(issue, found)
    if (inside !== undefined) return explainIssues(inside, document, written)
    const source = written(path)
    const shown = source !== undefined ? `the value of ${show(source)}` : isSecret(path) ? 'this' : show(found)
    return [{ path, message: `${shown} ${complaintOf(issue, found)}` }]
  })
}

/** A secret that was written without quotes is still one. */
const isSecret = (path: Path): boolean => /secret|password/.test(String(path.at(-1)))

/** Of a value that is either something plain or a map, and is a map, what is wrong inside of it. */
function mapBranch(issue: z.core.$ZodIssue, found: unknown): z.core.$ZodIssue[] | undefined {
  if (issue.code !== 'invalid_union' || typeof found !== 'object' || Array.isArray(found)) return undefined
  const branch = issue.errors.find((issues) => issues.some(({ path, code }) => path.length > 0 || code === keysCode))
  return branch?.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] }))
}
const keysCode = 'unrecognized_keys'

/** Without the key there is no need for a scope at all: whoever removes it should know. */
const afterwards = ([section, , key]: Path): string =>
  section === 'routes' && (key === 'scopes' || key === 'any_scope') ? ' to admit every valid key' : ''

function complaintOf(issue: z.core.$ZodIssue, found: unknown): string {
  if (issue.code === 'invalid_value' && issue.values.length > 1)
    return notAmong(issue.values.map(String), String(found))
  if (issue.code === 'invalid_type' && issue.expected === 'object') return 'must be a map of keys and values'
  if (issue.code === 'invalid_type' && issue.expected === 'array' && typeof found === 'string') {
    return `must be a list; put it in brackets: [${show(found)}]`
  }
  if (issue.code === 'invalid_type' && issue.expected === 'int' && typeof found === 'string')
    return `${issue.message}, without quotes`
  return issue.message
}

function notAmong(allowed: readonly string[], found: string): string {
  if (allowed.includes('GET') && /^(all|any|\*)$/i.test(found)) return 'is not a method; leave methods out to take all'
  const meant = nearest(found, allowed)
  if (meant !== undefined) return `is not known; did you mean ${meant}?`
  if (allowed.length <= 10) return `is not known; write ${either(allowed)}`
  return `is not known; write ${allowed.slice(0, 7).join(', ')} or another of those in the reference of the configuration`
}

function unknownKey(schema: JsonSchema, path: Path, key: string): Finding {
  const allowed = Object.keys(schemaAt(schema, path)?.properties ?? {})
  const meant = nearest(key, allowed)
  const hint = meant === undefined ? `allowed are ${allowed.join(', ')}` : `did you mean ${meant}?`
  return { path: [...path, key], atKey: true, message: `unknown key; ${hint}` }
}

function missingKey(schema: JsonSchema, path: Path): Finding {
  const key = String(path.at(-1))
  const { description, title } = schemaAt(schema, path) ?? {}
  const what = [title === 'text' ? undefined : title, description].filter(Boolean).join(': ')
  return {
    path: path.slice(0, -1),
    atKey: true,
    message: `the key "${key}" is missing${what && ` (${what.replace(/\.$/, '')})`}; add it`,
  }
}

/** @returns undefined where there is nothing, null where the file has an empty value. */
function valueAt(document: unknown, path: Path): unknown {
  let value = document
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined
    value = (value as Record<string | number, unknown>)[part]
  }
  return value
}
