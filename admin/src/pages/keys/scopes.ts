import type { Schema } from '../../api/client.ts'

export type Scope = Schema<'Settings'>['scopes'][number]
export type Preset = 'read' | 'full' | 'custom'

/** The one scope that is not about the API behind: no wildcard holds it. */
export const keysManage = 'keys:manage'

const reading = /(?:^|[:._-])(?:read|readonly|view|list|get)$/

/** Those that only look, by their names. */
export const readScopes = (declared: readonly Scope[]): string[] =>
  declared.map(({ name }) => name).filter((name) => reading.test(name))

/** Which of the presets these scopes are. */
export function presetOf(scopes: readonly string[], declared: readonly Scope[]): Preset {
  if (scopes.length === 1 && scopes[0] === '*') return 'full'
  const read = readScopes(declared)
  const isRead = read.length > 0 && read.length === scopes.length && read.every((name) => scopes.includes(name))
  return isRead ? 'read' : 'custom'
}

/** Whether these scopes hold a name, be it through a wildcard. */
export const holds = (granted: readonly string[], name: string): boolean =>
  granted.some(
    (scope) => scope === name || (name !== keysManage && isWildcard(scope) && name.startsWith(scope.slice(0, -1))),
  )

export interface ScopeGroup {
  /** `projects`; empty: those without a colon. */
  readonly prefix: string
  readonly scopes: readonly Scope[]
}

/** By what stands before the first colon, in the order in which they are declared. */
export function groupScopes(declared: readonly Scope[]): ScopeGroup[] {
  const groups = new Map<string, Scope[]>()
  for (const scope of declared) {
    if (scope.name === keysManage) continue
    const prefix = scope.name.includes(':') ? scope.name.slice(0, scope.name.indexOf(':')) : ''
    groups.set(prefix, [...(groups.get(prefix) ?? []), scope])
  }
  return [...groups].map(([prefix, scopes]) => ({ prefix, scopes }))
}

const isWildcard = (scope: string): boolean => scope === '*' || scope.endsWith(':*')
