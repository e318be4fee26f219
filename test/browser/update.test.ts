import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DashboardWorld, startDashboardWorld } from '../helpers/dashboard-world.ts'
import { visit } from '../helpers/visit.ts'

let world: DashboardWorld
beforeAll(async () => {
  world = await startDashboardWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

/**
 * From here on it is as behind an update: the main file has another name, and those of the old build are gone until the page
 * is loaded anew. @returns how often that was.
 */
async function update(page: Page, { again = Number.POSITIVE_INFINITY } = {}): Promise<() => number> {
  let loaded = 0
  const isNavigation = (url: URL) => !/^\/(assets|platform)\//.test(url.pathname)
  await page.route(isNavigation, async (route) => {
    if (route.request().isNavigationRequest()) loaded += 1
    const answer = await route.fetch()
    const text = await answer.text()
    // A node of yet another version each time, where one of several answers.
    const name = loaded > again ? `of-node-${loaded}` : 'updated'
    await route.fulfill({ response: answer, body: text.replace(/assets\/index-[\w-]+\.js/, `$&?${name}`) })
  })
  await page.route(/\/assets\/members-[^/]*\.js/, (route) =>
    loaded === 0 || loaded > again ? route.fulfill({ status: 404 }) : route.continue(),
  )
  return () => loaded
}

/** React says so where an error came while it did something else as well, and a second try showed the page. */
const renderedAgain = /^script: Minified React error #520;/

describe('a tab that was open when the gateway was updated', () => {
  it('loads the new version by itself when it comes to a page whose files are gone', async () => {
    const { adminUrl, organizationId, people } = world
    const { page, expectProblem, allowProblem } = await visit(adminUrl, `/o/${organizationId}/keys`, {
      email: people.viewer,
    })
    const loaded = await update(page)
    expectProblem(/^GET \/assets\/members-.* was answered 404$/)
    expectProblem(/^console: .*dynamically imported module/)
    allowProblem(renderedAgain)
    await page.getByRole('link', { name: 'Members' }).click()
    await page.getByRole('row', { name: /Barbara Liskov/ }).waitFor()
    expect([loaded(), new URL(page.url()).pathname]).toEqual([1, `/o/${organizationId}/members`])
  })

  it('keeps a secret that nobody has stored where the files of the palette are gone', async () => {
    const { adminUrl, organizationId, people } = world
    const { page, expectProblem, allowProblem } = await visit(adminUrl, `/welcome?org=${organizationId}`, {
      email: people.root,
    })
    await page.getByRole('button', { name: 'Create key' }).click()
    const line = await page.getByTestId('curl').textContent()
    const loaded = await update(page)
    await page.route(/\/assets\/palette-[^/]*\.js/, (route) => route.fulfill({ status: 404 }))
    expectProblem(/^GET \/assets\/palette-.* was answered 404$/)
    expectProblem(/^console: .*dynamically imported module/)
    allowProblem(renderedAgain)
    await page.keyboard.press('ControlOrMeta+k')
    await page.getByText('This page could not be loaded').waitFor()
    expect([loaded(), await page.getByTestId('curl').textContent()]).toEqual([0, line])
  })

  it('says so, and goes in no circles, where loading it again does not help', async () => {
    const { adminUrl, organizationId, people } = world
    const { page, expectProblem, allowProblem } = await visit(adminUrl, `/o/${organizationId}/keys`, {
      email: people.viewer,
    })
    const loaded = await update(page, { again: 0 })
    expectProblem(/^GET \/assets\/members-.* was answered 404$/)
    expectProblem(/^console: .*dynamically imported module/)
    allowProblem(renderedAgain)
    await page.getByRole('link', { name: 'Members' }).click()
    await page.getByText('This page could not be loaded').waitFor()
    expect(loaded()).toBe(1)
    await page.getByRole('link', { name: 'API keys' }).click()
    await page.getByRole('heading', { name: 'API keys', level: 1 }).waitFor()
  })
})
