import type { Operator } from '../../store/operators-store.ts'

/** An operator as the outside sees one. */
export const operatorRecord = (operator: Operator) => ({
  id: operator.id,
  email: operator.email,
  name: operator.name,
  is_root: operator.isRoot,
  verified: operator.verified,
  has_password: operator.hasPassword,
  has_oidc: operator.hasOidc,
  last_login_at: operator.lastLoginAt === null ? null : new Date(operator.lastLoginAt).toISOString(),
  created_at: new Date(operator.createdAt).toISOString(),
  updated_at: new Date(operator.updatedAt).toISOString(),
})
