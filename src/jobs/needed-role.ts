import { z } from 'zod'
import type { Job, JobNeeds } from '../store/jobs-store.ts'
import type { Metadata } from '../store/store.ts'

/**
 * What whoever ordered a job must still be at each of its steps: root for the whole instance, an owner where the order was
 * given with an owner's reach, else an admin.
 */
export function neededRole({ type, params }: Pick<Job, 'type'> & { readonly params: Metadata }): JobNeeds {
  if (type === 'secret_rotation') return 'root'
  return reach.safeParse(params).data?.service_account_roles.includes('owner') === true ? 'owner' : 'admin'
}

/** Roles of the service accounts that the order reaches, none above the role of then. */
const reach = z.object({ service_account_roles: z.array(z.string()) })
