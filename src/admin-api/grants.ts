import { isDeepStrictEqual } from 'node:util'
import { keysManage } from '../config/grantable.ts'
import type { ApiKey, Organization, OrganizationPatch, Role, ServiceAccount } from '../store/store.ts'
import { type AccessRole, outranks } from './principal.ts'

/**
 * Nobody grants above their own. All of it stands here; the access table has said before that the role is high enough for
 * the endpoint at all.
 */

/** Whether somebody may give this role to a member or a service account, or change one that has it. */
export const mayGiveRole = (own: AccessRole, role: Role): boolean => outranks(own, role)

/**
 * Whether somebody may have a key of this kind in hand: make it, rotate it, reveal it, widen it.
 * - A system key is root's.
 * - A key acts for the service account that owns it: nobody handles one of an account above themselves.
 * - Below admin (`member:manage`) a service account must own it, and it can't manage other keys: through such a key an
 *   engineer would reach those that no service account owns.
 */
export function mayHandleKey(
  own: AccessRole,
  key: Pick<ApiKey, 'system' | 'scopes'>,
  owner: Pick<ServiceAccount, 'role'> | undefined,
): boolean {
  if (key.system && own !== 'root') return false
  if (owner !== undefined && !mayGiveRole(own, owner.role)) return false
  return outranks(own, 'admin') || (owner !== undefined && !key.scopes.includes(keysManage))
}

/** Whether somebody may revoke or delete it: that gives nobody anything, so for admins the owner's role does not count. */
export function mayEndKey(
  own: AccessRole,
  key: Pick<ApiKey, 'system' | 'scopes'>,
  owner: Pick<ServiceAccount, 'role'> | undefined,
): boolean {
  if (key.system && own !== 'root') return false
  return outranks(own, 'admin') || mayHandleKey(own, key, owner)
}

/**
 * What root has set for an organization, root alone changes: its rate limit, and a suspension with its reason. To send back
 * what is there is no change.
 * @returns what to tell somebody else who would change it; undefined where nothing is in the way.
 */
export function setByRoot(own: AccessRole, current: Organization, change: OrganizationPatch): string | undefined {
  if (own === 'root') return undefined
  const { status, statusReason, rateLimit } = change
  const sameStatus = status === undefined || (status === current.status && statusReason === current.statusReason)
  if (current.suspendedBy === 'root' && !sameStatus)
    return 'The organization was suspended by root, and root alone resumes it or changes the reason. Ask who runs this gateway.'
  if (rateLimit !== undefined && !isDeepStrictEqual(rateLimit, current.rateLimit))
    return 'The rate_limit of an organization is set by root alone. Leave it out, or ask who runs this gateway.'
  return undefined
}
