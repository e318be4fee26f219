/** Grantable without being declared; wildcards do not include it. */
export const keysManage = 'keys:manage'

/**
 * Whether a key may hold this scope. The same rule as `isGrantable` in keys/, which stands on this room and can't be
 * imported from here; a test holds the two together.
 */
export function isGrantable(scope: string, declared: ReadonlySet<string>): boolean {
  if (scope === '*' || scope === keysManage || declared.has(scope)) return true
  if (!scope.endsWith(':*')) return false
  const start = scope.slice(0, -1)
  return [...declared].some((name) => name !== keysManage && name.startsWith(start))
}
