import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DashboardWorld, startDashboardWorld } from '../helpers/dashboard-world.ts'
import { visit } from '../helpers/visit.ts'

let world: DashboardWorld
beforeAll(async () => {
  world = await startDashboardWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

/** What a viewer may not do, by the words on buttons and menus. */
const forbidden =
  /^(create|add|import|edit|rotate|revoke|delete|remove|reveal|invite|suspend|resume|disable|enable|test|send|redeliver|cancel job|cancel|new job|export|switch|change|save changes|grant|reload)\b/i
/** Of one's own, or of what is seen. */
const allowed = /^(change the password|switch$|export as csv$)/i

describe('a viewer', () => {
  it('is offered no action that the server would refuse, on any page of the organization', async () => {
    const { adminUrl, organizationId, people, keys, ids } = world
    const { page, go } = await visit(adminUrl, `/o/${organizationId}`, { email: people.viewer })
    const org = `/o/${organizationId}`
    const pages = [
      ...['', '/keys', `/keys/${keys.rotated.id}`, '/requests', '/service-accounts', '/workspaces', '/members'],
      ...['/webhooks', `/webhooks/${ids.webhook}`, '/jobs', `/jobs/${ids.job}`, '/events', '/settings'],
    ]
    const offered: string[] = []
    for (const path of pages) {
      await go(`${org}${path}`)
      expect(await page.getByRole('heading', { level: 1 }).count(), path).toBe(1)
      const names = await page
        .locator('#main')
        .locator('button, a[role=button], [role=menuitem], [type=submit]')
        .evaluateAll((found) => found.map((one) => (one.getAttribute('aria-label') ?? one.textContent ?? '').trim()))
      offered.push(
        ...names.filter((name) => forbidden.test(name) && !allowed.test(name)).map((name) => `${path}: ${name}`),
      )
    }
    expect(offered).toEqual([])
  })

  it('finds no dialog behind an address either', async () => {
    const { adminUrl, organizationId, people, keys } = world
    const { page, go } = await visit(adminUrl, `/o/${organizationId}/keys?dialog=create`, { email: people.viewer })
    expect(await page.getByRole('dialog').count()).toBe(0)
    for (const dialog of ['edit', 'rotate', 'reveal', 'revoke', 'delete']) {
      await go(`/o/${organizationId}/keys/${keys.reader.id}?dialog=${dialog}`)
      expect(await page.getByRole('dialog').count(), dialog).toBe(0)
    }
  })

  it('sees nothing of the instance', async () => {
    const { adminUrl, organizationId, people } = world
    const { page, go } = await visit(adminUrl, `/o/${organizationId}`, { email: people.viewer })
    const places = page.getByRole('navigation', { name: 'Pages' })
    await places.getByRole('link', { name: 'API keys' }).waitFor()
    for (const name of ['Policy', 'Explain', 'All requests', 'Organizations', 'Operators']) {
      expect(await places.getByRole('link', { name, exact: true }).count(), name).toBe(0)
    }
    // Nor behind an address; a page that asked for it all the same would be refused, and fail this test.
    for (const path of ['/policy', '/explain', '/operators']) {
      await go(path)
      expect(await page.getByRole('table').count(), path).toBe(0)
    }
  })
})

describe('an engineer', () => {
  it('makes keys of service accounts alone', async () => {
    const { adminUrl, organizationId, people, call } = world
    const { page } = await visit(adminUrl, `/o/${organizationId}/keys?dialog=create`, { email: people.engineer })
    const form = page.getByRole('dialog')
    await form.getByRole('textbox', { name: 'Name' }).fill('Of the bot')
    await form.getByRole('combobox', { name: 'Service account' }).or(form.getByLabel('Service account')).first().click()
    await page.getByRole('option', { name: 'Deploy bot' }).click()
    await form.getByRole('button', { name: 'Create key' }).click()
    const secret = (await page.getByTestId('secret').textContent()) ?? ''
    expect(await call('GET', '/api/v1/projects', secret)).toBe(200)
  })
})
