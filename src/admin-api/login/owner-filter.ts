import { z } from 'zod'
import type { AdminPrincipal } from '../principal.ts'

export const ownerQuery = {
  operator_id: z.string().optional().describe('Whose; root may name others. Left out: one’s own.'),
}

/**
 * Whose sessions or tokens are meant: one's own, and for root anybody's. The admin token has none of its own and sees all.
 * @returns undefined when they are none of the caller's business.
 */
export function ownerFilter(
  { isRoot, operator }: AdminPrincipal,
  wanted: string | undefined,
): { readonly operatorId?: string } | undefined {
  const operatorId = wanted ?? operator?.id
  if (operatorId === undefined) return isRoot ? {} : undefined
  return isRoot || operatorId === operator?.id ? { operatorId } : undefined
}
