import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DashboardWorld, startDashboardWorld } from '../helpers/dashboard-world.ts'
import { eventually } from '../helpers/eventually.ts'
import { settled } from '../helpers/tab.ts'
import { visit } from '../helpers/visit.ts'

let world: DashboardWorld
beforeAll(async () => {
  world = await startDashboardWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

describe('a key', () => {
  it('is created, used, rotated and revoked by hand; nothing of its secrets stays behind', async () => {
    const { page } = await visit(world.adminUrl, `/o/${world.organizationId}/keys`, { email: world.people.admin })
    await page.getByRole('button', { name: 'Create key' }).click()
    const form = page.getByRole('dialog')
    await form.getByRole('textbox', { name: 'Name' }).fill('Night shift')
    await form.getByRole('radio', { name: 'Everything' }).check()
    await form.getByRole('button', { name: 'Create key' }).click()
    const first = await takeSecret(page)
    expect(await world.call('GET', '/api/v1/projects', first)).toBe(200)
    await page.getByRole('row', { name: /Night shift/ }).waitFor()
    await holdsNothingOf(page, first)

    await page.getByRole('link', { name: 'Night shift' }).click()
    await page.getByRole('heading', { name: 'Night shift', level: 1 }).waitFor()
    await page.getByRole('button', { name: 'Rotate' }).click()
    await page.getByRole('radio', { name: '1 hour' }).check()
    await page.getByRole('dialog').getByRole('button', { name: 'Rotate' }).click()
    const second = await takeSecret(page)
    expect(second).not.toBe(first)
    expect(await world.call('GET', '/api/v1/projects', second)).toBe(200)
    const secrets = page.getByRole('table', { name: 'Secrets' })
    await secrets.getByText(`…${second.slice(-4)}`).waitFor()
    await secrets.getByText(`…${first.slice(-4)}`).waitFor()
    expect(await secrets.getByRole('timer').textContent()).toMatch(/^in (59 min \d\d s|1 h 0 min)$/)
    expect(await world.call('GET', '/api/v1/projects', first)).toBe(200)
    await eventually(
      'the old secret to be shown as in use',
      async () => {
        await page.reload()
        await settled(page)
        return await page.getByText('Still in use').isVisible()
      },
      { withinMs: 15_000, everyMs: 500 },
    )
    await holdsNothingOf(page, second)

    await page.getByRole('button', { name: 'More to do with this key' }).click()
    await page.getByRole('menuitem', { name: 'Revoke…' }).click()
    const dialog = page.getByRole('dialog')
    const button = dialog.getByRole('button', { name: 'Revoke key' })
    await dialog.getByLabel('Reason').fill('The shift is over')
    expect(await button.isDisabled()).toBe(true)
    await dialog.getByLabel(/to confirm/).fill('Night shift')
    await button.click()
    await page.getByText('Revoked everywhere').waitFor()
    await page.getByText('The shift is over').waitFor()
    expect(await world.call('GET', '/api/v1/projects', first)).toBe(401)
    expect(await world.call('GET', '/api/v1/projects', second)).toBe(401)
  })

  it('is revealed to whoever types the password again, and to nobody else', async () => {
    const { keys, organizationId, people, adminUrl } = world
    const { page, expectProblem } = await visit(adminUrl, `/o/${organizationId}/keys/${keys.reader.id}`, {
      email: people.admin,
    })
    await page.getByRole('button', { name: 'More to do with this key' }).click()
    await page.getByRole('menuitem', { name: 'Reveal…' }).click()
    const dialog = page.getByRole('dialog')
    expectProblem(/\/reveal was answered (401|403|422)$/)
    await dialog.getByRole('textbox', { name: 'Your password' }).fill('not the password at all')
    await dialog.getByRole('button', { name: 'Reveal' }).click()
    await dialog.getByRole('alert').waitFor()
    await dialog.getByRole('textbox', { name: 'Your password' }).fill('correct horse battery staple')
    await dialog.getByRole('button', { name: 'Reveal' }).click()
    expect(await page.getByTestId('secret').textContent()).toBe(keys.reader.raw)
    await page.getByRole('button', { name: 'Done' }).click()
    await page.getByTestId('secret').waitFor({ state: 'detached' })
    await holdsNothingOf(page, keys.reader.raw)
  })

  it('can be revoked with others by a job that says how far it is', async () => {
    const { adminUrl, organizationId, gateway, call } = world
    const extra = await Promise.all([1, 2, 3].map((number) => gateway.createKey({ name: `Batch ${number}` })))
    const { page } = await visit(adminUrl, `/o/${organizationId}/keys?q=Batch`, { email: world.people.admin })
    await page.getByRole('checkbox', { name: 'All rows that are shown' }).check()
    await page.getByRole('button', { name: 'Revoke', exact: true }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel(/to confirm/).fill('revoke 3 keys')
    await dialog.getByRole('button', { name: 'Revoke 3 keys' }).click()
    const strip = page.getByRole('status').filter({ hasText: 'Revoking keys' })
    await strip.getByText('completed').waitFor()
    expect(new URL(page.url()).searchParams.get('job')).toMatch(/^job_/)
    await page.getByRole('row', { name: /Batch 1.*revoked/ }).waitFor()
    for (const { raw } of extra) expect(await call('GET', '/api/v1/projects', raw)).toBe(401)
  })
})

/** Reads the secret that is shown, says that it is stored, and closes it. */
async function takeSecret(page: Page): Promise<string> {
  const shown = page.getByTestId('secret')
  const secret = (await shown.textContent()) ?? ''
  expect(secret).toMatch(/^sk_live_\w{20,}$/)
  const done = page.getByRole('button', { name: 'Done' })
  expect(await done.isDisabled()).toBe(true)
  await page.keyboard.press('Escape')
  expect(await shown.isVisible()).toBe(true)
  await page.getByLabel('I have stored it').check()
  await done.click()
  await shown.waitFor({ state: 'detached' })
  return secret
}

/** The document, the address, the history's state and what the browser stores. */
async function holdsNothingOf(page: Page, secret: string): Promise<void> {
  const places = await page.evaluate<Record<string, string>>(`({
    address: location.href,
    history: JSON.stringify(history.state),
    localStorage: JSON.stringify(localStorage),
    sessionStorage: JSON.stringify(sessionStorage),
    document: document.documentElement.outerHTML,
    fields: [...document.querySelectorAll('input, textarea')].map((field) => field.value).join(),
  })`)
  const leaks = Object.entries(places).filter(([, text]) => text.includes(secret) || text.includes(secret.slice(8, -4)))
  expect(leaks.map(([place]) => place)).toEqual([])
}
