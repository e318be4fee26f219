import { ApiError } from './client.ts'

/** What the server has against a field, or against something in it (`scopes.0`). */
export function fieldProblem(error: unknown, path: string): string | undefined {
  if (!(error instanceof ApiError)) return undefined
  const found = error.problem.errors?.filter((one) => one.path === path || one.path.startsWith(`${path}.`)) ?? []
  return found.length === 0 ? undefined : found.map(({ message }) => message).join('; ')
}
