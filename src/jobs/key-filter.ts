import { z } from 'zod'
import type { KeyFilter } from '../store/store.ts'

/** Which keys a job is about; as the filters of the list of keys, and ids. */
export const keyFilterFields = {
  status: z.enum(['active', 'expired', 'revoked']).optional(),
  environment: z.string().min(1).max(64).optional(),
  owner: z.string().min(1).max(128).optional().describe('A service account.'),
  q: z.string().min(1).max(200).optional().describe('Part of the name, or the start of the key.'),
  ids: z.array(z.string().min(1).max(64)).min(1).max(200).optional(),
}

const keyFilter = z.object(keyFilterFields)

export const toKeyFilter = ({ status, environment, owner, q, ids }: z.output<typeof keyFilter>): KeyFilter => ({
  ...(status !== undefined && { status }),
  ...(environment !== undefined && { environment }),
  ...(owner !== undefined && { owner }),
  ...(q !== undefined && { q }),
  ...(ids !== undefined && { ids }),
})
