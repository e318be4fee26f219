import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type DashboardWorld, startDashboardWorld } from '../helpers/dashboard-world.ts'
import { password } from '../helpers/operators.ts'
import { axeFindings, visit } from '../helpers/visit.ts'

let world: DashboardWorld
beforeAll(async () => {
  world = await startDashboardWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

it('the main path goes by the keyboard alone: log in, make a key, look at it, revoke it, log out', async () => {
  const { adminUrl, organizationId, people, call } = world
  const { page } = await visit(adminUrl, `/o/${organizationId}/keys`)
  const { keyboard } = page
  await focusIs(page, 'E-mail')
  await keyboard.type(people.owner)
  await tabTo(page, /^Password/)
  await keyboard.type(password)
  await keyboard.press('Enter')
  await page.getByRole('heading', { name: 'API keys', level: 1 }).waitFor()

  // The first stop of a page leads past everything that stands around it.
  await page.locator('body').press('Tab')
  await focusIs(page, 'Skip to the page')
  await keyboard.press('Enter')
  await tabTo(page, /^Create key$/)
  await keyboard.press('Enter')
  await page.getByRole('dialog').waitFor()
  await focusIs(page, 'Name')
  await keyboard.type('By hand')
  await keyboard.press('Enter')
  const shown = page.getByTestId('secret')
  const secret = (await shown.textContent()) ?? ''
  expect(await call('GET', '/api/v1/projects', secret)).toBe(200)
  await focusIs(page, 'Copy')
  await keyboard.press('Enter')
  await page.getByRole('button', { name: 'Copied' }).first().waitFor()
  expect(await page.evaluate<string>('navigator.clipboard.readText()')).toBe(secret)
  await tabTo(page, /I have stored it/)
  await keyboard.press('Space')
  await tabTo(page, /^Done$/)
  await keyboard.press('Enter')
  await shown.waitFor({ state: 'detached' })
  // Back where it began.
  await focusIs(page, 'Create key')

  await tabTo(page, /^By hand/)
  await keyboard.press('Enter')
  await page.getByRole('heading', { name: 'By hand', level: 1 }).waitFor()
  await tabTo(page, /^More to do with this key$/)
  await keyboard.press('Enter')
  await page.getByRole('menu').waitFor()
  await keyboard.press('End')
  await keyboard.press('ArrowUp')
  await focusIs(page, 'Revoke…')
  await keyboard.press('Enter')
  await page.getByRole('dialog').waitFor()
  await focusIs(page, 'Reason')
  await keyboard.type('No longer needed')
  await tabTo(page, /to confirm/)
  await keyboard.type('By hand')
  await keyboard.press('Enter')
  await page.getByText('Revoked everywhere').waitFor()
  expect(await call('GET', '/api/v1/projects', secret)).toBe(401)

  await page.locator('body').press('g')
  await keyboard.press('r')
  await page.getByRole('heading', { name: 'Requests', level: 1 }).waitFor()
  await tabTo(page, /Account: Grace Hopper/, 'Shift+Tab')
  await keyboard.press('Enter')
  await page.getByRole('menu').waitFor()
  await keyboard.press('End')
  await focusIs(page, 'Log out')
  await keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Log in to Sallyport' }).waitFor()
})

it('? tells of the shortcuts, and Ctrl with K finds a page, an organization and a key by what is typed', async () => {
  const { adminUrl, organizationId, people, keys } = world
  const { page } = await visit(adminUrl, `/o/${organizationId}/workspaces`, { email: people.root })
  const { keyboard } = page
  const dialog = page.getByRole('dialog')
  await keyboard.press('?')
  await dialog.getByText('Find a page, an organization or a key').waitFor()
  await keyboard.press('Escape')
  await dialog.waitFor({ state: 'detached' })

  const find = async (text: string, kind: RegExp): Promise<void> => {
    await keyboard.press('Control+k')
    await dialog.getByRole('combobox').waitFor()
    await keyboard.type(text)
    await dialog.getByRole('option', { selected: true, name: kind }).waitFor()
    expect(await axeFindings(page)).toEqual([])
    await keyboard.press('Enter')
    await dialog.waitFor({ state: 'detached' })
  }
  await find('web', /Webhooks/)
  await page.getByRole('heading', { name: 'Webhooks', level: 1 }).waitFor()
  await expect.poll(() => page.title()).toBe('Webhooks · Acme Ltd · Sallyport')
  await find('status b', /Status board/)
  await page.getByRole('heading', { name: 'Status board', level: 1 }).waitFor()
  await find('glob', /Globex/)
  await page.getByRole('heading', { name: 'Globex', level: 1 }).waitFor()

  // A whole key that is pasted does not get into a question to the server, nor onto the screen.
  await keyboard.press('Control+k')
  await dialog.getByRole('combobox').fill(keys.reader.raw)
  expect(await dialog.getByRole('combobox').inputValue()).toBe(keys.reader.raw.slice(0, 12))
})

/** Tab by Tab, as somebody without a mouse goes; every stop on the way must be one that is seen. */
async function tabTo(page: Page, name: RegExp, key: 'Tab' | 'Shift+Tab' = 'Tab'): Promise<void> {
  const passed: string[] = []
  for (let stop = 0; stop < 200; stop++) {
    await page.keyboard.press(key)
    const { text, seen } = await focused(page)
    expect(seen, `the focus on "${text}"`).toBe(true)
    if (name.test(text)) return
    passed.push(text)
  }
  throw new Error(`no ${name} by ${key}; on the way: ${passed.join(' | ')}`)
}

async function focusIs(page: Page, name: string): Promise<void> {
  await expect.poll(async () => (await focused(page)).text, { timeout: 5000 }).toContain(name)
}

function focused(page: Page): Promise<{ text: string; seen: boolean }> {
  return page.evaluate(`(() => {
    const at = document.activeElement
    const label = at.labels?.[0]?.textContent ?? ''
    const text = (at.getAttribute('aria-label') ?? (label !== '' ? label : at.innerText ?? '')).trim()
    const { width, height } = at.getBoundingClientRect()
    return { text, seen: at === document.body || (width > 0 && height > 0) }
  })()`)
}
