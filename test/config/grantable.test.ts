import fc from 'fast-check'
import { expect, it } from 'vitest'
import { isGrantable } from '../../src/config/grantable.ts'
import { isGrantable as isGrantableToKeys } from '../../src/keys/scopes.ts'

it('takes for grantable in the file exactly what a key can be granted', () => {
  const name = fc.constantFrom('a', 'b', 'a:b', 'a:b:c', 'keys', 'keys:manage', 'keys:read')
  const scope = fc.oneof(name, fc.constantFrom('*', 'a:*', 'a:b:*', 'b:*', 'keys:*', ':*'))
  fc.assert(
    fc.property(scope, fc.uniqueArray(name), (scope, declared) => {
      expect(isGrantable(scope, new Set(declared))).toBe(isGrantableToKeys(scope, declared))
    }),
    { numRuns: 2000 },
  )
})

it('knows names, wildcards of declared names, and the built-in one', () => {
  const declared = new Set(['projects:read'])
  for (const scope of ['projects:read', 'projects:*', '*', 'keys:manage'])
    expect([scope, isGrantable(scope, declared)]).toEqual([scope, true])
  for (const scope of ['projects', 'runs:*', 'projects:write', 'keys:*'])
    expect([scope, isGrantable(scope, declared)]).toEqual([scope, false])
})
