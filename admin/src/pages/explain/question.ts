import type { paths } from '../../../../docs/reference/openapi.d.ts'
import { given } from '../../components/use-query-state.ts'

type Body = paths['/platform/policy/explain']['post']['requestBody']['content']['application/json']

export const questionNames = [
  ...(['method', 'path', 'host', 'as', 'org', 'key', 'scopes', 'workspaces', 'environment', 'ip'] as const),
] as const

/** A question as it stands in the address: lists are words with spaces between them. */
export type Question = Readonly<Record<(typeof questionNames)[number], string>>

/** In the words of the API; undefined: not asked yet. */
export function bodyOf(question: Question): Body | undefined {
  const { method, path, host, key, scopes, workspaces, environment, ip } = question
  if (path === '' || (isAsKey(question) && key === '')) return undefined
  const request = { method: method || 'GET', path, ...given({ host, ip }) }
  if (isAsKey(question)) return { ...request, key_id: key }
  return { ...request, scopes: words(scopes), workspaces: words(workspaces), ...given({ environment }) }
}

export const isAsKey = ({ as }: Pick<Question, 'as'>): boolean => as === 'key'

export const words = (text: string): string[] => text.split(/[\s,]+/).filter((word) => word !== '')

/** Whether it may hold a real key, which must not get into the address of this page. */
export const holdsSecret = (text: string, prefix: string): boolean =>
  text
    .split(/[^A-Za-z0-9_]+/)
    .some(
      (word) =>
        (word.startsWith(`${prefix}_`) && word.length > prefix.length + 16) ||
        (word.length >= 28 && /[A-Z]/.test(word) && /[a-z]/.test(word) && /\d/.test(word)),
    )
