import { useQueryClient } from '@tanstack/react-query'
import { ApiError, type Schema } from '../../api/client.ts'
import { useMe } from '../../api/session.tsx'

export type Member = Schema<'MemberRecord'>

/** After a change of somebody's membership; one's own says what one may do from here on. */
export function useMembersChanged(organizationId: string): (operatorId: string) => Promise<void> {
  const client = useQueryClient()
  const me = useMe()
  return async (operatorId) => {
    if (operatorId === me.id) void client.invalidateQueries({ queryKey: ['me'] })
    void client.invalidateQueries({ queryKey: ['member', organizationId] })
    await client.invalidateQueries({ queryKey: ['members', organizationId] })
  }
}

/** An organization keeps somebody who can look after it: said so that one knows what to do. */
export async function keepingAnOwner<Result>(call: Promise<Result>): Promise<Result> {
  try {
    return await call
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 409)) throw error
    throw new ApiError({
      ...error.problem,
      errors: [],
      title: 'There would be no owner left',
      detail: 'An organization needs an owner who can log in. Make somebody else an owner first, then try again.',
    })
  }
}
