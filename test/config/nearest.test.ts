import { describe, expect, it } from 'vitest'
import { nearest } from '../../src/config/nearest.ts'

describe('nearest', () => {
  const names = ['listen', 'limits', 'routes', 'upstreams', 'projects:read', 'projects:write']

  it.each([
    ['lisen', 'listen'],
    ['Limit', 'limits'],
    ['upstream', 'upstreams'],
    ['project:read', 'projects:read'],
    ['projects:wirte', 'projects:write'],
    ['ruotes', 'routes'],
  ])('finds what %s was meant to be', (text, meant) => {
    expect(nearest(text, names)).toBe(meant)
  })

  it.each(['', 'x', 'database', 'admin:delete'])('does not guess at %j', (text) => {
    expect(nearest(text, names)).toBeUndefined()
  })

  it('takes the nearest of several that are near', () => {
    expect(nearest('keys', ['key', 'keys:x', 'keyz'])).toBe('key')
    expect(nearest('strat', ['stray:x', 'start'])).toBe('start')
  })

  it('is done soon with a text of any length', () => {
    expect(nearest('a'.repeat(10_000_000), names)).toBeUndefined()
  })
})
