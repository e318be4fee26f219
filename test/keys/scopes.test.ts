import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { coveredBy, holdsScope, isGrantable } from '../../src/keys/scopes.ts'

describe('holdsScope', () => {
  it.each([
    [['projects:read'], 'projects:read', true],
    [['projects:read'], 'projects:write', false],
    [['projects:read'], 'projects:readers', false],
    [[], 'projects:read', false],
    [['*'], 'projects:read', true],
    [['projects:*'], 'projects:read', true],
    [['projects:*'], 'projects:members:read', true],
    [['projects:*'], 'projects', false],
    [['projects:*'], 'projects2:read', false],
    [['project*'], 'projects:read', false],
    [['projects:members:*'], 'projects:read', false],
    [['other', 'projects:*'], 'projects:read', true],
    [['keys:manage'], 'keys:manage', true],
    [['*'], 'keys:manage', false],
    [['keys:*'], 'keys:manage', false],
    [['keys:*'], 'keys:list', true],
    [['PROJECTS:READ'], 'projects:read', false],
  ])('%j, %s → %s', (granted, required, expected) => {
    expect(holdsScope(granted, required)).toBe(expected)
  })
})

describe('isGrantable', () => {
  const declared = ['projects:read', 'runs']
  it.each([
    ['projects:read', true],
    ['runs', true],
    ['*', true],
    ['keys:manage', true],
    ['projects:*', true],
    ['runs:*', false],
    ['projects:write', false],
    ['project:*', false],
    ['keys:*', false],
    ['', false],
    [':*', false],
    ['projects:re*', false],
  ])('%s → %s', (scope, expected) => {
    expect(isGrantable(scope, declared)).toBe(expected)
  })
})

describe('coveredBy', () => {
  it.each([
    [['*'], ['projects:read', 'projects:*', '*'], true],
    [['*'], ['keys:manage'], false],
    [['*', 'keys:manage'], ['keys:manage'], true],
    [['projects:*'], ['projects:read', 'projects:members:*'], true],
    [['projects:*'], ['*'], false],
    [['projects:members:*'], ['projects:*'], false],
    [['projects:read'], ['projects:*'], false],
    [['projects:read', 'projects:write'], ['projects:write'], true],
    [['projects:read'], [], true],
  ])('%j covers %j: %s', (granted, wanted, expected) => {
    expect(coveredBy(granted, wanted)).toBe(expected)
  })

  it('never lets a key give what it does not hold', () => {
    const names = ['a', 'a:b', 'a:b:c', 'a:c', 'b', 'b:a', 'keys:list', 'keys:manage']
    const scope = fc.constantFrom('*', 'a:*', 'a:b:*', 'b:*', 'keys:*', ...names)
    fc.assert(
      fc.property(fc.array(scope), fc.array(scope), (granted, wanted) => {
        fc.pre(coveredBy(granted, wanted))
        for (const name of names) if (holdsScope(wanted, name)) expect(holdsScope(granted, name)).toBe(true)
      }),
    )
  })
})
