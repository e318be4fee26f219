import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DashboardWorld, startDashboardWorld } from '../helpers/dashboard-world.ts'
import { requestRow } from '../helpers/request-row.ts'
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

describe('requests of which few match', () => {
  let quiet: string
  beforeAll(async () => {
    const { store, createOrg } = world.gateway
    quiet = (await createOrg({ name: 'Quiet' })).id
    const at = Date.now() - 3_600_000
    const row = { organizationId: quiet, keyId: null }
    const wanted = requestRow({ ...row, at: at - 1, method: 'PATCH', path: '/rare' })
    const plain = Array.from({ length: 100_000 }, (_, index) => requestRow({ ...row, at: at + index }))
    await store.insertRequests([wanted, ...plain])
  })

  it('are looked for further back by the page itself', async () => {
    const { page } = await visit(world.adminUrl, `/o/${quiet}/requests?method=PATCH`, { email: world.people.root })
    await page.getByRole('row', { name: '/rare' }).waitFor()
    await page.getByText('1 shown', { exact: true }).waitFor()
    expect(await page.getByRole('button', { name: 'Look further back' }).count()).toBe(0)
  })

  it('are looked for no further when that is stopped, until somebody says so', async () => {
    const { page } = await visit(world.adminUrl, `/o/${quiet}`, { email: world.people.root })
    const held = Promise.withResolvers<void>()
    await page.route(/requests\?.*cursor=/, async (route) => {
      await held.promise
      await route.continue()
    })
    await page.goto(`/o/${quiet}/requests?method=PATCH`)
    await page.getByText('None so far, looked through the newest 50,000 requests…').waitFor()
    await page.getByRole('button', { name: 'Stop' }).click()
    held.resolve()
    await page.getByText('None found so far').waitFor()
    await page.getByText('Looked through the newest 100,000 requests.').waitFor()
    expect(await page.getByRole('row', { name: '/rare' }).count()).toBe(0)
    await page.getByRole('button', { name: 'Look further back' }).click()
    await page.getByRole('row', { name: '/rare' }).waitFor()
  })

  it('are told by what shadow mode has let through', async () => {
    const { adminUrl, organizationId, people } = world
    const { page } = await visit(adminUrl, `/o/${organizationId}/requests`, { email: people.viewer })
    await page.getByRole('combobox', { name: 'Refused with' }).click()
    await page.getByRole('option', { name: 'would be refused', exact: true }).click()
    await page
      .getByRole('row', { name: /v0.projects.*shadow: INSUFFICIENT_SCOPE/ })
      .first()
      .waitFor()
    await expect.poll(() => new URL(page.url()).searchParams.get('shadow')).toBe('any')
    await settled(page)
    const rows = page.getByRole('table', { name: 'Requests' }).getByRole('row')
    expect(await rows.count()).toBe((await rows.filter({ hasText: 'shadow:' }).count()) + 1)
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
