import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DashboardWorld, startDashboardWorld } from '../helpers/dashboard-world.ts'
import { eventually } from '../helpers/eventually.ts'
import { testActor } from '../helpers/gateway.ts'
import { password } from '../helpers/operators.ts'
import { visit } from '../helpers/visit.ts'

let world: DashboardWorld
beforeAll(async () => {
  world = await startDashboardWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

describe('a session', () => {
  it('begins by hand at the page that was asked for, and ends by hand', async () => {
    const { adminUrl, organizationId, people } = world
    const { page, expectProblem } = await visit(adminUrl, `/o/${organizationId}/workspaces`)
    await page.getByLabel('E-mail').fill(people.owner)
    expectProblem(/^POST \/platform\/sessions was answered 401$/)
    await page.getByRole('textbox', { name: 'Password' }).fill('something else entirely')
    await page.getByRole('button', { name: 'Log in', exact: true }).click()
    await page.getByText('That did not match').waitFor()
    await page.getByRole('textbox', { name: 'Password' }).fill(password)
    await page.getByRole('button', { name: 'Log in', exact: true }).click()
    await page.getByRole('heading', { name: 'Workspaces', level: 1 }).waitFor()

    await page.getByRole('button', { name: /^Account/ }).click()
    await page.getByRole('menuitem', { name: 'Log out' }).click()
    await page.getByRole('heading', { name: 'Log in to Sallyport' }).waitFor()
    await page.goBack()
    await page.getByRole('heading', { name: 'Log in to Sallyport' }).waitFor()
    expect(await page.content()).not.toContain('prj_42')
  })

  it('that has ended is told of, and one goes on where one was', async () => {
    const { adminUrl, organizationId, people, gateway } = world
    const { page, expectProblem } = await visit(adminUrl, `/o/${organizationId}/keys?q=board`, { email: people.admin })
    await page.getByRole('row', { name: /Status board/ }).waitFor()
    const [session] = await gateway.store.listSessions({ createdAfter: 0, seenAfter: 0 }, { limit: 1 })
    await gateway.store.endSession(session?.id ?? '', testActor)

    expectProblem(/was answered 401$/)
    await page.getByRole('link', { name: 'Workspaces' }).click()
    await page.getByText('Your session has ended').waitFor()
    expect(await page.getByLabel('E-mail').inputValue()).toBe(people.admin)
    await page.getByRole('textbox', { name: 'Password' }).fill(password)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Workspaces', level: 1 }).waitFor()
    await page.getByText('prj_42').waitFor()
  })
})

describe('an organization', () => {
  it('that is not there, or is not one’s own any more, is told of, and is not come back to', async () => {
    const { adminUrl, organizationId, people, gateway } = world
    const globex = await gateway.createOrg({ name: 'Globex South' })
    const admin = await gateway.store.findOperatorByEmail(people.admin)
    await gateway.store.addMember(globex.id, admin?.id ?? '', 'viewer', testActor)
    const { page, go, expectProblem } = await visit(adminUrl, `/o/${globex.id}/keys`, { email: people.admin })
    await page.getByRole('heading', { name: 'API keys', level: 1 }).waitFor()
    await gateway.store.removeMember(globex.id, admin?.id ?? '', false, testActor)
    expectProblem(/^GET \/platform\/organizations\/.* was answered 404$/)
    for (const id of [globex.id, 'nowhere']) {
      await go(`/o/${id}/keys`)
      await page.getByText('There is no such organization for you').waitFor()
      expect(await page.getByRole('button', { name: 'Create key' }).count()).toBe(0)
    }
    await page.getByRole('link', { name: 'To the start page' }).click()
    await page.getByRole('heading', { name: 'Acme Ltd', level: 1 }).waitFor()
    expect(new URL(page.url()).pathname).toBe(`/o/${organizationId}`)
  })
})

describe('without a connection', () => {
  it('what is shown stays, a change says why it failed, and another try goes through once', async () => {
    const { adminUrl, organizationId, people, gateway } = world
    const { page, expectProblem } = await visit(adminUrl, `/o/${organizationId}/workspaces?dialog=create`, {
      email: people.admin,
    })
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('textbox', { name: 'Name' }).fill('Made twice')
    expectProblem(/failed: net::ERR_INTERNET_DISCONNECTED$/)
    await page.context().setOffline(true)
    await dialog.getByRole('button', { name: /create/i }).click()
    await dialog.getByText('No connection').waitFor()
    expect(await dialog.getByRole('textbox', { name: 'Name' }).inputValue()).toBe('Made twice')

    await page.context().setOffline(false)
    await dialog.getByRole('button', { name: /create/i }).click()
    await page.getByRole('row', { name: /Made twice/ }).waitFor()
    const list = await gateway.api<{ name: string }[]>('GET', `/organizations/${organizationId}/workspaces?limit=200`)
    expect(list.body.filter(({ name }) => name === 'Made twice')).toHaveLength(1)
  })

  it('a page that can not be loaded says so, and is there when the gateway is back', async () => {
    const { adminUrl, organizationId, people } = world
    const { page, expectProblem } = await visit(adminUrl, `/o/${organizationId}/keys`, { email: people.viewer })
    await page.getByRole('link', { name: 'Workspaces' }).click()
    await page.getByText('prj_42').waitFor()
    expectProblem(/failed: net::ERR_INTERNET_DISCONNECTED$/)
    await page.context().setOffline(true)
    // Its file was never loaded: there is nothing to show it with. Everything around it stands.
    expectProblem(/^console: .*dynamically imported module/)
    await page.getByRole('link', { name: 'Members' }).click()
    await page.getByText('This page could not be loaded').waitFor()
    await page.context().setOffline(false)
    await page.getByRole('link', { name: 'Workspaces' }).click()
    await page.getByText('prj_42').waitFor()
    await page.getByRole('link', { name: 'Members' }).click()
    await page
      .getByRole('row', { name: /Barbara Liskov/ })
      .or(page.getByRole('button', { name: 'Load it again' }))
      .waitFor()
    await page.reload()
    await page.getByRole('row', { name: /Barbara Liskov/ }).waitFor()
  })

  it('what is open stays open while the gateway is out of service, and goes on when it is back', async () => {
    const { adminUrl, organizationId, people } = world
    const { page, problems, expectProblem } = await visit(adminUrl, `/o/${organizationId}/requests`, {
      email: people.viewer,
    })
    await page
      .getByRole('row', { name: /api\/v1\/projects/ })
      .first()
      .waitFor()
    expectProblem(/was answered 503$/)
    await page.route('**/platform/**', (route) => route.fulfill({ status: 503 }))
    await page.getByRole('button', { name: 'Follow live' }).click()
    // More often than one question is repeated: it was given up in between.
    await eventually(
      'who one is to be asked in vain',
      () => problems.filter((problem) => problem.startsWith('GET /platform/me was answered')).length >= 7,
      { withinMs: 40_000 },
    )
    await page.getByText('connecting again').waitFor()
    expect(await page.getByRole('row', { name: /api\/v1\/projects/ }).count()).toBeGreaterThan(0)
    await page.unroute('**/platform/**')
    await page.getByText('live', { exact: true }).waitFor({ timeout: 40_000 })
  })
})
