import { keysManage } from '../../config/grantable.ts'
import { scopeName } from '../../config/values.ts'

/**
 * What scopes of the document are called in gateway.yaml. What is a name already stays as it is; in what is none, such as a
 * URL, the other characters are replaced. Two never become one, and it does not depend on their order.
 * @param others that the file has: no name that had to be changed becomes one of them.
 */
export function nameScopes(scopes: Iterable<string>, others: ReadonlySet<string>): ReadonlyMap<string, string> {
  const all = [...new Set(scopes)].sort()
  const names = new Map(all.filter(isName).map((scope) => [scope, scope]))
  const taken = new Set([...names.values(), ...others])
  for (const scope of all) {
    if (names.has(scope)) continue
    const name = toName(scope)
    let unique = name
    for (let number = 2; taken.has(unique) || !isName(unique); number++) unique = `${name}-${number}`
    taken.add(unique)
    names.set(scope, unique)
  }
  return names
}

/** Whoever holds `keys:manage` may manage keys of the gateway, which no document means. */
const isName = (scope: string): boolean => scope !== keysManage && form.safeParse(scope).success && scope.length <= 100

const toName = (scope: string): string =>
  scope
    .replace(/^[a-z][a-z0-9+.-]*:\/\//i, '')
    .slice(0, 90)
    .replace(/[/\\|#?]+/g, ':')
    .replace(/[^A-Za-z0-9_.:-]+/g, '-')
    .split(':')
    .map((part) => part.replace(/^[^A-Za-z0-9]+/, ''))
    .filter((part) => part !== '')
    .join(':') || 'scope'

const form = scopeName()
