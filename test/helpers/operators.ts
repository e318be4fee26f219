import type { Role } from '../../src/store/store.ts'
import type { AdminGateway } from './admin.ts'
import { type Browser, openBrowser } from './browser.ts'

export const password = 'correct horse battery staple'

export interface TestOperator {
  readonly id: string
  readonly email: string
  /** Logged in. */
  readonly browser: Browser
}

let made = 0

/** A member of an organization, made by root with the password above, and logged in. */
export async function logInMember(
  gateway: Pick<AdminGateway, 'api' | 'adminUrl'>,
  organizationId: string,
  role: Role,
): Promise<TestOperator> {
  const email = `person-${++made}@example.com`
  const added = await gateway.api<{ id: string }>('POST', `/organizations/${organizationId}/members`, {
    email,
    role,
    password,
  })
  if (added.status !== 201) throw new Error(`adding a member was answered ${added.status}`)
  return { id: added.body.id, email, browser: await logIn(gateway.adminUrl, email) }
}

/** One above all organizations. */
export async function logInRoot(gateway: Pick<AdminGateway, 'api' | 'adminUrl'>): Promise<TestOperator> {
  const email = `root-${++made}@example.com`
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
