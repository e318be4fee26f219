import { randomBytes } from 'node:crypto'
import { adminApi } from './admin.ts'
import { openBrowser } from './browser.ts'

/** Somebody who calls the admin API, by what they send to prove who they are. */
export interface ApiActor {
  readonly name: string
  readonly headers: Readonly<Record<string, string>>
}

export const actorPassword = 'correct horse battery staple'

/** Root of the instance by its token; an operator made by it, logged in, with a personal token. */
export interface ApiActors {
  readonly root: ApiActor
  /** Operators that are still let in. */
  readonly operators: readonly ApiActor[]
  /** One who is not let in any more. */
  drop(actor: ApiActor): void
  /** Makes new operators where too few are left. */
  refill(organizationId: string): Promise<void>
}

export function createActors(adminUrl: string, adminToken: string): ApiActors {
  const api = adminApi(adminUrl, adminToken)
  const operators: ApiActor[] = []
  const bearer = (name: string, token: string): ApiActor => ({ name, headers: { authorization: `Bearer ${token}` } })

  /** Its session and its token. */
  const enter = async (name: string, email: string, role: string): Promise<ApiActor[]> => {
    const browser = openBrowser(adminUrl)
    const entered = await browser.send('POST', '/platform/sessions', { email, password: actorPassword })
    if (entered.status !== 201) throw new Error(`the log-in of ${name} was answered ${entered.status}`)
    const made = await browser.send<{ raw_token: string }>('POST', '/platform/tokens', { name: 'fuzz', role })
    if (made.status !== 201) throw new Error(`a token for ${name} was answered ${made.status}`)
    const cookie = [...browser.cookies].map(([cookieName, value]) => `${cookieName}=${value}`).join('; ')
    const { origin } = new URL(adminUrl)
    return [
      { name: `session of ${name}`, headers: { cookie, origin } },
      bearer(`token of ${name}`, made.body.raw_token),
    ]
  }

  const newEmail = () => `${randomBytes(6).toString('hex')}@example.com`
  return {
    root: bearer('root', adminToken),
    operators,
    drop(actor) {
      const at = operators.indexOf(actor)
      if (at >= 0) operators.splice(at, 1)
    },
    async refill(organizationId) {
      if (operators.filter(({ name }) => name.startsWith('session')).length >= 2) return
      const [rootEmail, memberEmail] = [newEmail(), newEmail()]
      const password = actorPassword
      const made = [
        await api('POST', '/operators', { email: rootEmail, name: 'Root', is_root: true, password }),
        await api('POST', `/organizations/${organizationId}/members`, { email: memberEmail, role: 'owner', password }),
      ]
      for (const { status } of made) if (status !== 201) throw new Error(`making an operator was answered ${status}`)
      operators.push(...(await enter('root operator', rootEmail, 'root')))
      operators.push(...(await enter('owner', memberEmail, 'owner')))
    },
  }
}
