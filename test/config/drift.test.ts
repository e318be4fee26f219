import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { generatedFiles } from '../../src/config/generate.ts'
import { configJsonSchema, type JsonSchema } from '../../src/config/json-schema.ts'

describe('what is generated from the schema', () => {
  it.each(Object.entries(generatedFiles()))('%s is as "npm run generate" writes it', (path, text) => {
    expect(readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')).toBe(text)
  })

  it('tells the meaning of every key', () => {
    const silent: string[] = []
    const walk = (name: string, schema: JsonSchema): void => {
      for (const [key, value] of Object.entries(schema.properties ?? {})) {
        if (!value.description) silent.push(`${name}.${key}`)
        walk(`${name}.${key}`, value)
      }
      if (schema.items) walk(`${name}[]`, schema.items)
      if (typeof schema.additionalProperties === 'object') walk(`${name}.<name>`, schema.additionalProperties)
    }
    walk('', configJsonSchema())
    expect(silent).toEqual([])
  })

  it('is named in the first line of the default configuration', () => {
    const [first] = readFileSync(new URL('../../gateway.yaml', import.meta.url), 'utf8').split('\n')
    expect(first).toBe('# yaml-language-server: $schema=./gateway.schema.json')
  })
})
