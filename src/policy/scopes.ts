import { holdsScope } from '../keys/scopes.ts'

/** What a route asks of a key. */
export interface ScopeRule {
  readonly all: readonly string[]
  /** One of these is enough; empty: nothing asked. */
  readonly any: readonly string[]
}

export function checkScopes(granted: readonly string[], rule: ScopeRule): 'INSUFFICIENT_SCOPE' | undefined {
  for (const scope of rule.all) if (!holdsScope(granted, scope)) return 'INSUFFICIENT_SCOPE'
  if (rule.any.length === 0) return undefined
  for (const scope of rule.any) if (holdsScope(granted, scope)) return undefined
  return 'INSUFFICIENT_SCOPE'
}
