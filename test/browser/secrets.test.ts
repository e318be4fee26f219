import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DashboardWorld, startDashboardWorld } from '../helpers/dashboard-world.ts'
import { testActor } from '../helpers/gateway.ts'
import { visit } from '../helpers/visit.ts'

let world: DashboardWorld
beforeAll(async () => {
  world = await startDashboardWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

const secret = (page: Page) => page.getByTestId('secret')
const asked = (page: Page) => page.getByRole('dialog', { name: 'Leave without the secret?' })

async function createKey(page: Page): Promise<string> {
  const form = page.getByRole('dialog', { name: 'Create an API key' })
  await form.getByRole('textbox', { name: 'Name' }).fill('Kept')
  await form.getByRole('button', { name: 'Create key' }).click()
  return (await secret(page).textContent()) ?? ''
}

/** Whoever is logged in is not any more, and the page hears of it. */
async function endSession({ gateway }: DashboardWorld, page: Page): Promise<void> {
  for (const { id } of await gateway.store.listSessions({ createdAfter: 0, seenAfter: 0 }, { limit: 200 }))
    await gateway.store.endSession(id, testActor)
  // Somebody comes back to the window after a while: everything is asked for again.
  const refused = page.waitForResponse(
    (response) => response.url().endsWith('/platform/me') && response.status() === 401,
  )
  await page.clock.install()
  await page.clock.fastForward('02:00')
  await page.evaluate("window.dispatchEvent(new Event('visibilitychange'))")
  await refused
}

describe('a secret that is shown once', () => {
  it('stays on the screen when the session ends, until somebody has it; then the log-in comes', async () => {
    const { adminUrl, organizationId, people } = world
    const { page, expectProblem } = await visit(adminUrl, `/o/${organizationId}/keys?dialog=create`, {
      email: people.admin,
    })
    const raw = await createKey(page)
    expectProblem(/was answered 401$/)
    await endSession(world, page)
    expect(await secret(page).textContent()).toBe(raw)
    await page.getByLabel('I have stored it').check()
    expect(await secret(page).isVisible()).toBe(true)
    await page.getByRole('button', { name: 'Done' }).click()
    await page.getByText('Your session has ended').waitFor()
    expect(await page.content()).not.toContain(raw)
  })

  it('is asked about before Back, a link, a key or the browser takes the page away', async () => {
    const { adminUrl, organizationId, people } = world
    const { page, go } = await visit(adminUrl, `/o/${organizationId}/workspaces`, { email: people.admin })
    await go(`/o/${organizationId}`)
    await page.getByRole('link', { name: 'API keys' }).click()
    await page.getByRole('button', { name: 'Create key' }).click()
    const raw = await createKey(page)
    const at = page.url()

    await page.goBack()
    await asked(page).waitFor()
    expect([page.url(), await secret(page).textContent()]).toEqual([at, raw])
    await page.getByRole('button', { name: 'Stay here' }).click()
    await asked(page).waitFor({ state: 'detached' })

    const native = page.waitForEvent('dialog')
    const reload = page.reload().catch(() => undefined)
    const dialog = await native
    expect(dialog.type()).toBe('beforeunload')
    await dialog.dismiss()
    await reload
    expect(await secret(page).textContent()).toBe(raw)

    await page.goBack()
    await page.getByRole('button', { name: 'Leave without it' }).click()
    await page.getByRole('heading', { name: 'Acme Ltd', level: 1 }).waitFor()
    expect(await secret(page).count()).toBe(0)

    // Stored, nothing asks any more.
    await page.getByRole('link', { name: 'API keys' }).click()
    await page.getByRole('button', { name: 'Create key' }).click()
    await createKey(page)
    await page.getByLabel('I have stored it').check()
    await page.goBack()
    await page.getByRole('heading', { name: 'Acme Ltd', level: 1 }).waitFor()
    expect(await asked(page).count()).toBe(0)
  })

  it('of the first steps is asked about too, and outlives the session', async () => {
    const { adminUrl, organizationId, people } = world
    const { page, expectProblem } = await visit(adminUrl, `/welcome?org=${organizationId}`, { email: people.root })
    await page.getByRole('button', { name: 'Create key' }).click()
    const line = (await page.getByTestId('curl').textContent()) ?? ''
    expect(line).toMatch(/sk_live_\w{20,}/)

    await page.getByRole('link', { name: 'Operators' }).click()
    await asked(page).waitFor()
    await page.keyboard.press('Escape')
    await asked(page).waitFor({ state: 'detached' })
    await page.getByRole('button', { name: /^Account/ }).click()
    await page.getByRole('menuitem', { name: 'Log out' }).click()
    await asked(page).waitFor()
    await page.getByRole('button', { name: 'Stay here' }).click()
    expect(await page.getByTestId('curl').textContent()).toBe(line)

    expectProblem(/was answered 401$/)
    await endSession(world, page)
    expect(await page.getByTestId('curl').textContent()).toBe(line)
    await page.getByLabel('I have stored the key').check()
    expect(await page.getByTestId('curl').textContent()).toBe(line)
    await page.getByRole('button', { name: 'Leave it for later' }).click()
    await page.getByText('Your session has ended').waitFor()
  })
})
