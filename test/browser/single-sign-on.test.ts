import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { type AdminGateway, adminConfig, startAdmin } from '../helpers/admin.ts'
import { testClock } from '../helpers/clock.ts'
import { forThisTest } from '../helpers/for-this-test.ts'
import { type IdentityProvider, startIdentityProvider } from '../helpers/identity-provider.ts'
import { password } from '../helpers/operators.ts'
import { visit } from '../helpers/visit.ts'

const grace = {
  sub: 'grace',
  email: 'grace@example.com',
  email_verified: true,
  name: 'Grace Hopper',
  groups: ['leads'],
}
const button = 'Log in with single sign-on'

interface World extends AsyncDisposable {
  readonly gateway: AdminGateway
  readonly provider: IdentityProvider
  readonly clock: ReturnType<typeof testClock>
}

/** A gateway whose file names no provider yet, and one (oidc-provider) that knows where the gateway is. */
async function startApart(startMs = Date.now()): Promise<World> {
  await using stack = new AsyncDisposableStack()
  const clock = testClock(startMs)
  const env = { OIDC_SECRET: 'the secret of the client' }
  const gateway = stack.use(await startAdmin(adminConfig, { clock, env }))
  const provider = stack.use(
    await startIdentityProvider({ redirectUrl: `${gateway.adminUrl}/platform/auth/oidc/callback` }),
  )
  const parts = stack.move()
  return { gateway, provider, clock, [Symbol.asyncDispose]: () => parts.disposeAsync() }
}

/** The same, with single sign-on switched on. */
async function startTogether(startMs?: number): Promise<World> {
  const world = await startApart(startMs)
  await switchOn(world)
  return world
}

async function switchOn({ gateway, provider }: World): Promise<void> {
  await gateway.writeConfig(`${adminConfig}
admin:
  listen: 127.0.0.1:0
  oidc:
    issuer: ${provider.issuer}
    client_id: sallyport
    client_secret: \${OIDC_SECRET}
    role_claim: groups
    role_mapping:
      leads: { role: owner, organization: acme }
`)
  expect(await gateway.app.reload()).toEqual({ ok: true })
}

const logIn = (page: Page) => page.getByRole('link', { name: button }).click()

describe('single sign-on', () => {
  it('is offered from the moment it is configured, leads to the page that was asked for, and out again', async () => {
    const world = await forThisTest(startApart())
    const { gateway, provider } = world
    provider.person = grace
    const keys = `/o/${gateway.organization.id}/keys?status=active`
    const { page, go } = await visit(gateway.adminUrl, keys)
    await page.getByLabel('E-mail').waitFor()
    expect(await page.getByRole('link', { name: button }).count()).toBe(0)
    await switchOn(world)

    await go(keys)
    await logIn(page)
    await page.getByRole('heading', { name: 'API keys', level: 1 }).waitFor()
    expect(new URL(page.url()).pathname + new URL(page.url()).search).toBe(keys)
    // An owner by the groups of the provider, and without a password of our own.
    await page.getByRole('link', { name: 'Members' }).click()
    await page.getByRole('row', { name: /Grace Hopper.*by single sign-on/ }).waitFor()
    await go('/account')
    await page.getByText('You log in with single sign-on, so there is none here').waitFor()
    await page.getByRole('row', { name: /single sign-on/ }).waitFor()

    await page.getByRole('button', { name: /^Account/ }).click()
    await page.getByRole('menuitem', { name: 'Log out' }).click()
    await page.getByRole('heading', { name: 'Log in to Sallyport' }).waitFor()
    await go('/account')
    await page.getByRole('link', { name: button }).waitFor()
    expect(await page.getByText('Grace Hopper').count()).toBe(0)
  })

  it.each([
    ['nothing here lets in', { ...grace, groups: [] }, 'You have no access yet', 'Ask an owner to add you'],
    [
      'the provider does not vouch for',
      { ...grace, email_verified: false },
      'Your e-mail address is not verified',
      'Verify it there',
    ],
  ])('tells somebody whom %s what to do', async (_what, person, title, advice) => {
    const world = await forThisTest(startTogether())
    world.provider.person = person
    const { page } = await visit(world.gateway.adminUrl, '/account')
    await logIn(page)
    const alert = page.getByRole('alert')
    await alert.getByText(title).waitFor()
    await alert.getByText(advice).waitFor()
    await alert.getByText('Request id').waitFor()
    expect(await world.gateway.store.listOperators()).toEqual([])

    // Let in meanwhile, another try goes on to where it began.
    world.provider.person = grace
    await page.context().clearCookies()
    await logIn(page)
    await page.getByRole('heading', { name: 'Account', level: 1 }).waitFor()
  })

  it('says so where the provider does not answer or refuses, and the password is still there', async () => {
    const world = await forThisTest(startTogether())
    const { gateway, provider } = world
    await gateway.api('POST', '/operators', { email: 'ada@example.com', name: 'Ada', is_root: true, password })
    provider.broken = true
    const { page } = await visit(gateway.adminUrl, '/account')
    await logIn(page)
    await page.getByText('Single sign-on does not answer').waitFor()
    provider.broken = false
    await page.goto(`${gateway.adminUrl}/platform/auth/oidc/callback?error=access_denied&state=x`)
    await page.getByText('Single sign-on did not finish').waitFor()
    await page.getByLabel('E-mail').fill('ada@example.com')
    await page.getByRole('textbox', { name: 'Password' }).fill(password)
    await page.getByRole('button', { name: 'Log in', exact: true }).click()
    await page.getByRole('heading', { name: 'Account', level: 1 }).waitFor()
  })

  it('proves who it is to do what asks for a fresh log-in, and comes back to it', async () => {
    const elevenMinutes = 11 * 60_000
    // What the provider says of the time is of now: the log-in was before it.
    const world = await forThisTest(startTogether(Date.now() - elevenMinutes))
    const { gateway, provider, clock } = world
    provider.person = grace
    const { page, go, expectProblem } = await visit(gateway.adminUrl, '/account')
    await logIn(page)
    await page.getByRole('heading', { name: 'Account', level: 1 }).waitFor()
    const members = `/o/${gateway.organization.id}/members?dialog=add`
    await go(members)
    clock.advance(elevenMinutes)

    const form = page.getByRole('dialog', { name: 'Add a member' })
    const proof = page.getByRole('dialog', { name: 'Is it still you?' })
    const add = async (): Promise<void> => {
      await form.getByRole('textbox', { name: 'E-mail' }).fill('linus@example.com')
      await form.getByRole('button', { name: 'Add', exact: true }).click()
    }
    expectProblem(/^POST \/platform\/organizations\/\w+\/members was answered 403$/)
    await add()
    await proof.waitFor()
    expect(await proof.getByLabel('Password').count()).toBe(0)

    // A provider that refuses is no end of the session: one reads why, and is back where one was.
    provider.person = { ...grace, email_verified: false }
    await proof.getByRole('link', { name: 'Use single sign-on' }).click()
    await page.getByText('Your e-mail address is not verified').waitFor()
    await page.getByRole('link', { name: 'Go on where you were' }).click()
    await form.waitFor()
    expect(new URL(page.url()).pathname + new URL(page.url()).search).toBe(members)
    await add()
    await proof.waitFor()

    provider.person = grace
    await proof.getByRole('link', { name: 'Use single sign-on' }).click()
    await form.waitFor()
    expect(new URL(page.url()).pathname + new URL(page.url()).search).toBe(members)
    await add()
    await page.getByTestId('secret').waitFor()
    expect(await page.getByTestId('secret').textContent()).toContain(`${gateway.adminUrl}/setup#token=`)
  })
})
