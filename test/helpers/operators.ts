import { randomBytes, scryptSync } from 'node:crypto'
import type { Role, Store } from '../../src/store/store.ts'
import type { AdminGateway } from './admin.ts'
import { type Browser, openBrowser } from './browser.ts'
import { testActor } from './gateway.ts'

export const password = 'correct horse battery staple'

export interface TestOperator {
  readonly id: string
  readonly email: string
  /** Logged in. */
  readonly browser: Browser
}

let made = 0

/** Where the store is not at hand, operators are made by the API, which hashes for real. */
type WithOperators = Pick<AdminGateway, 'api' | 'adminUrl'> & { readonly store?: Pick<Store, 'createOperator'> }

/** A member of an organization with the password above, logged in. */
export async function logInMember(gateway: WithOperators, organizationId: string, role: Role): Promise<TestOperator> {
  const email = `person-${++made}@example.com`
  if (gateway.store) return await logInStored(gateway.adminUrl, gateway.store, email, { organizationId, role })
  const added = await gateway.api<{ id: string }>('POST', `/organizations/${organizationId}/members`, {
    email,
    role,
    password,
  })
  if (added.status !== 201) throw new Error(`adding a member was answered ${added.status}`)
  return { id: added.body.id, email, browser: await logIn(gateway.adminUrl, email) }
}

/** One above all organizations. */
export async function logInRoot(gateway: WithOperators): Promise<TestOperator> {
  const email = `root-${++made}@example.com`
  if (gateway.store) return await logInStored(gateway.adminUrl, gateway.store, email)
  const added = await gateway.api<{ id: string }>('POST', '/operators', {
    email,
    name: 'Root',
    is_root: true,
    password,
  })
  if (added.status !== 201) throw new Error(`making root was answered ${added.status}`)
  return { id: added.body.id, email, browser: await logIn(gateway.adminUrl, email) }
}

export async function logIn(adminUrl: string, email: string, browser = openBrowser(adminUrl)): Promise<Browser> {
  const answer = await browser.send('POST', '/platform/sessions', { email, password })
  if (answer.status !== 201) throw new Error(`log-in was answered ${answer.status}: ${JSON.stringify(answer.body)}`)
  return browser
}

async function logInStored(
  adminUrl: string,
  store: Pick<Store, 'createOperator'>,
  email: string,
  membership?: { readonly organizationId: string; readonly role: Role },
): Promise<TestOperator> {
  const who = {
    email,
    name: membership ? email.slice(0, email.indexOf('@')) : 'Root',
    isRoot: membership === undefined,
    verified: true,
  }
  const passwordHash = cheapHash()
  const { id } = await store.createOperator(
    membership ? { ...who, passwordHash, membership } : { ...who, passwordHash },
    testActor,
  )
  return { id, email, browser: await logIn(adminUrl, email) }
}

/** A hash carries its cost with it. This one is small: on a crowded machine the real one takes a second or two. */
function cheapHash(): string {
  const { N, r, p } = { N: 1024, r: 8, p: 1 }
  const salt = randomBytes(16)
  const derived = scryptSync(password, salt, 32, { N, r, p })
  return ['scrypt', N, r, p, salt.toString('base64url'), derived.toString('base64url')].join('$')
}
