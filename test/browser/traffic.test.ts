import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DashboardWorld, startDashboardWorld } from '../helpers/dashboard-world.ts'
import { settled } from '../helpers/tab.ts'
import { visit } from '../helpers/visit.ts'

let world: DashboardWorld
beforeAll(async () => {
  world = await startDashboardWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

describe('requests', () => {
  it('are followed live, can be held, and go on where they were held', async () => {
    const { adminUrl, organizationId, people, keys, call } = world
    const { page } = await visit(adminUrl, `/o/${organizationId}/requests?live=1`, { email: people.viewer })
    const row = (path: string) => page.getByRole('row', { name: path })
    await page.getByText('live', { exact: true }).waitFor()
    await call('GET', '/api/v1/projects/first', keys.reader.raw)
    await row('/api/v1/projects/first').waitFor()

    await page.getByRole('button', { name: 'Pause' }).click()
    await call('GET', '/api/v1/projects/second', keys.reader.raw)
    await call('POST', '/api/v1/projects/prj_42/runs', keys.reader.raw)
    await page.getByRole('button', { name: 'Show 2 new' }).waitFor()
    expect(await row('/api/v1/projects/second').count()).toBe(0)
    await page.getByRole('button', { name: 'Show 2 new' }).click()
    await row('/api/v1/projects/second').waitFor()
  })

  it('open as the decision step by step, by an address that can be sent on', async () => {
    const { adminUrl, organizationId, people } = world
    const { page } = await visit(adminUrl, `/o/${organizationId}/requests?code=INSUFFICIENT_SCOPE`, {
      email: people.root,
    })
    await page
      .getByRole('row', { name: /POST .*runs/ })
      .first()
      .click()
    const drawer = page.getByRole('dialog')
    const path = drawer.getByRole('list', { name: 'The decision, step by step' })
    await path.waitFor()
    expect(new URL(page.url()).searchParams.get('request')).toMatch(/^[0-9a-f-]{36}$/)
    expect(await path.locator('[data-result=deny]').getAttribute('data-step')).toBe('scopes')
    expect(await path.locator('[data-step=forward]').getAttribute('data-result')).toBe('skipped')

    await page.reload()
    await settled(page)
    await drawer.getByRole('link', { name: 'Explain this request' }).click()
    await page.getByText('It would be refused: 403 INSUFFICIENT_SCOPE').waitFor()
    expect(await page.locator('[data-result=deny]').getAttribute('data-step')).toBe('scopes')
  })
})

describe('explain', () => {
  it('says which step refuses, and what would make it pass', async () => {
    const { page } = await visit(world.adminUrl, '/explain', { email: world.people.root })
    await page.getByRole('combobox', { name: 'Method' }).fill('POST')
    await page.keyboard.press('Escape')
    await page.getByRole('textbox', { name: /^Path/ }).fill('/api/v1/projects/prj_42/runs')
    await page.getByRole('combobox', { name: 'With these scopes' }).fill('projects:read')
    await page.keyboard.press('Enter')
    await page.getByRole('button', { name: 'Explain', exact: true }).click()
    await page.getByText('It would be refused: 403 INSUFFICIENT_SCOPE').waitFor()
    const denied = page.locator('[data-result=deny]')
    expect(await denied.getAttribute('data-step')).toBe('scopes')

    const ways = page.getByRole('group', { name: 'What would make it pass' })
    await ways.getByRole('button', { name: 'With runs:write' }).click()
    await page.getByText('It would be refused: 404 NOT_FOUND').waitFor()
    expect(await denied.getAttribute('data-step')).toBe('workspace')
    await ways.getByRole('button', { name: 'With a grant for prj_42' }).click()
    await page.getByText('It would pass').waitFor()
    expect(await denied.count()).toBe(0)
    // A state that somebody else can open.
    await page.reload()
    await page.getByText('It would pass').waitFor()
  })

  it('does not take a real key', async () => {
    const { page } = await visit(world.adminUrl, '/explain', { email: world.people.root })
    await page.getByRole('textbox', { name: /^Path/ }).fill(`/api/v1/projects?key=${world.keys.reader.raw}`)
    await page.getByRole('button', { name: 'Explain', exact: true }).click()
    await page.getByText('This looks like it holds a real key').waitFor()
    expect(page.url()).not.toContain(world.keys.reader.raw)
  })
})
