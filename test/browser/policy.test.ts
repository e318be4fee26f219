import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DashboardWorld, startDashboardWorld } from '../helpers/dashboard-world.ts'
import { visit } from '../helpers/visit.ts'

let world: DashboardWorld
beforeAll(async () => {
  world = await startDashboardWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

const inForce = async () => {
  const { body } = await world.gateway.api<{ version: string; yaml: string }>('GET', '/policy')
  return body
}

describe('a file that is tried', () => {
  it('has its mistakes on their lines, or its differences; and nothing of it goes live', async () => {
    const before = await inForce()
    const { page } = await visit(world.adminUrl, '/policy?tab=try', { email: world.people.root })
    const text = page.getByRole('textbox', { name: 'Configuration to try' })
    const check = page.getByRole('button', { name: 'Check', exact: true })
    await page.getByRole('button', { name: 'Begin with what is in force' }).click()
    const good = await text.inputValue()
    expect(good).toContain('runs:write: Start audits')

    const lines = good.split('\n')
    const at = lines.findIndex((line) => line.includes('key-minute: { by: key'))
    await text.fill(lines.with(at, lines[at]?.replace('per: 1m', 'per: soon') ?? '').join('\n'))
    await check.click()
    await page.getByText('One problem: it can’t be loaded').waitFor()
    await page.getByRole('button', { name: new RegExp(`^Line ${at + 1}\\b`) }).click()
    const shown = page.getByRole('region', { name: 'The configuration that was tried, with its problems' })
    const wrong = shown.locator(`[data-line="${at + 1}"]`)
    expect(await wrong.textContent()).toMatch(/per: soon.*duration/s)
    expect(await page.getByRole('heading', { name: 'What would be different' }).count()).toBe(0)

    await text.fill(
      good.replace('runs:write: Start audits', 'runs:write: Start audits\n  runs:read: See how they went'),
    )
    await check.click()
    await page.getByText('It can be loaded').waitFor()
    const different = page.getByRole('listitem').filter({ hasText: /^added/ })
    expect(await different.textContent()).toBe('addedruns:read')
    expect(await page.getByText('One problem').count()).toBe(0)

    await text.fill(good)
    await check.click()
    await page.getByText('It says the same as what is in force').waitFor()

    expect(await inForce()).toEqual(before)
    expect(await readFile(world.gateway.configFile, 'utf8')).not.toMatch(/runs:read|soon/)
  })

  it('stays where it was typed: it may hold secrets', async () => {
    const { page } = await visit(world.adminUrl, '/policy?tab=try', { email: world.people.root })
    const secret = 'hunter2-and-a-half'
    await page
      .getByRole('textbox', { name: 'Configuration to try' })
      .fill(`admin: { oidc: { client_secret: ${secret} } }`)
    await page.getByRole('button', { name: 'Check', exact: true }).click()
    await page.getByText('it can’t be loaded').waitFor()
    expect(await page.getByRole('alert').textContent()).not.toContain(secret)
    const kept = 'JSON.stringify([location.href, history.state, localStorage, sessionStorage])'
    expect(await page.evaluate<string>(kept)).not.toContain(secret)
    await page.getByRole('tab', { name: 'Routes' }).click()
    await page.getByRole('tab', { name: 'Try a file' }).click()
    expect(await page.getByRole('textbox', { name: 'Configuration to try' }).inputValue()).toContain(secret)
  })
})
