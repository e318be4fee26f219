import type { Schema } from '../../api/client.ts'
import { holds } from '../keys/scopes.ts'
import type { Policy, Rule } from '../policy/use-policy.ts'
import { isAsKey, type Question, words } from './question.ts'

/** Another question, which differs in what was missing. */
export interface Way {
  readonly label: string
  readonly change: Partial<Question>
}

/** What would make a refused request pass, as far as that can be tried here. */
export function waysThrough(
  { code, steps, route }: Schema<'PolicyExplanation'>,
  question: Question,
  {
    policy,
    rule,
    key,
  }: { policy: Policy | undefined; rule: Rule | undefined; key: Schema<'ApiKeyRecord'> | undefined },
): Way[] {
  const asKey = isAsKey(question)
  const held = asKey ? (key?.scopes ?? []) : words(question.scopes)
  /** A real key stays as it is: one like it is made up. */
  const like = (scopes: readonly string[]): Partial<Question> => ({
    ...{ as: 'scopes', scopes: scopes.join(' ') },
    ...(asKey && { key: '', environment: key?.environment ?? '' }),
  })
  const who = asKey ? 'A key like it with' : 'With'

  switch (code) {
    case 'INSUFFICIENT_SCOPE': {
      if (rule === undefined) return []
      const missing = rule.scopes.filter((scope) => !holds(held, scope))
      if (missing.length > 0) return [{ label: `${who} ${missing.join(', ')}`, change: like([...held, ...missing]) }]
      return rule.any_scope.map((scope) => ({ label: `${who} ${scope}`, change: like([...held, scope]) }))
    }
    case 'NOT_FOUND': {
      const at = steps.find(({ step, result }) => step === 'workspace' && result === 'deny')
      const workspace = at === undefined ? undefined : workspaceOf(rule, question.path)
      if (workspace === undefined) return []
      const workspaces = [...(asKey ? [] : words(question.workspaces)), workspace].join(' ')
      return [{ label: `${who} a grant for ${workspace}`, change: { ...like(held), workspaces } }]
    }
    case 'METHOD_NOT_ALLOWED': {
      const taken = policy?.routes.filter(({ path }) => path === route).flatMap(({ methods }) => methods ?? []) ?? []
      return [...new Set(taken)].map((method) => ({ label: `As ${method}`, change: { method } }))
    }
    case 'IP_NOT_ALLOWED':
      // The first address of a range is one of it.
      return (key?.allowed_ips ?? []).slice(0, 3).map((range) => {
        const ip = range.replace(/\/\d+$/, '')
        return { label: `From ${ip}`, change: { ip } }
      })
    case 'INVALID_API_KEY':
      return key === undefined ? [] : [{ label: 'A new key with the same scopes', change: like(held) }]
    default:
      return []
  }
}

/** What the parameter of the path stands for that names the workspace. */
function workspaceOf(rule: Rule | undefined, path: string): string | undefined {
  if (rule?.workspace == null) return undefined
  const at = rule.path.split('/').indexOf(rule.workspace)
  const found = at < 0 ? undefined : path.split(/[?#]/, 1)[0]?.split('/')[at]
  return found === undefined || /[\s,]/.test(found) ? undefined : found
}
