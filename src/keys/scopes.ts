import { keysManage } from '../config/grantable.ts'

/** Whether a key with these scopes has the required one, which is a plain name. */
export function holdsScope(granted: readonly string[], required: string): boolean {
  for (const scope of granted) {
    if (scope === required) return true
    if (required !== keysManage && isWildcard(scope) && required.startsWith(scope.slice(0, -1))) return true
  }
  return false
}

/** Whether a key may be given this scope: a declared name, `*`, `x:*` where a declared name starts with `x:`, `keys:manage`. */
export function isGrantable(scope: string, declared: readonly string[]): boolean {
  if (scope === '*' || scope === keysManage || declared.includes(scope)) return true
  return isWildcard(scope) && declared.some((name) => name !== keysManage && name.startsWith(scope.slice(0, -1)))
}

/**
 * Whether `granted` holds everything that `wanted` would give, now and after further names are declared: nobody grants
 * beyond their own.
 */
export function coveredBy(granted: readonly string[], wanted: readonly string[]): boolean {
  // A wildcard is covered by a wider one exactly as a name is: `projects:*` starts with what `*` and `projects:*` leave.
  return wanted.every((scope) => holdsScope(granted, scope))
}

const isWildcard = (scope: string): boolean => scope === '*' || scope.endsWith(':*')
