import type { Clock } from '../../clock.ts'
import type { Store } from '../../store/store.ts'
import { readAdminToken } from '../admin-token.ts'
import type { AdminContext } from '../context.ts'
import { createAccounts } from './accounts.ts'
import { createAuthenticateAdmin } from './authenticate.ts'
import { createPasswords } from './passwords.ts'
import { createVerifyPassword } from './verify-password.ts'

export interface LogInOptions {
  readonly store: Store
  readonly clock: Clock
  /** SALLYPORT_ADMIN_TOKEN. */
  readonly adminToken: string | undefined
  /** Address of the admin plane, for links. */
  readonly adminUrl: () => string
}

/** Everything about who operators are, for the composition root. @throws when the admin token is too short to be safe. */
export function createLogIn({
  store,
  clock,
  adminToken,
  adminUrl,
}: LogInOptions): Pick<AdminContext, 'authenticate' | 'verifyPassword' | 'accounts' | 'adminUrl'> {
  const passwords = createPasswords()
  return {
    authenticate: createAuthenticateAdmin({ store, clock, byAdminToken: readAdminToken(adminToken) }),
    verifyPassword: createVerifyPassword(store, passwords, clock),
    accounts: createAccounts({ store, passwords, clock, adminUrl }),
    adminUrl,
  }
}
