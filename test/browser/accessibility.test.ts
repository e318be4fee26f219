import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dashboardPages } from '../helpers/dashboard-pages.ts'
import { type DashboardWorld, startDashboardWorld } from '../helpers/dashboard-world.ts'
import { axeFindings, visit } from '../helpers/visit.ts'

let world: DashboardWorld
beforeAll(async () => {
  world = await startDashboardWorld({ history: 500 })
})
afterAll(() => world[Symbol.asyncDispose]())

// axe-core takes its time with each of them.
const parts = [0, 1, 2, 3]
const pagesOf = (part: number) =>
  Object.entries(dashboardPages(world)).filter((_, index) => index % parts.length === part)

describe.each(['light', 'dark'] as const)('%s', (scheme) => {
  it.each(parts)('no page has a serious or critical finding of axe-core: part %i', async (part) => {
    const { page, go } = await visit(world.adminUrl, '/', { email: world.people.root, scheme })
    const findings: string[] = []
    for (const [name, path] of pagesOf(part)) {
      await go(path)
      findings.push(...(await axeFindings(page)).map((finding) => `${name}: ${finding}`))
    }
    expect(findings).toEqual([])
  })

  it('nor have those in front of the log-in', async () => {
    const { page, go } = await visit(world.adminUrl, '/login', { scheme })
    const findings = await axeFindings(page)
    await go('/setup')
    findings.push(...(await axeFindings(page)))
    await go('/setup#token=abc')
    findings.push(...(await axeFindings(page)))
    expect(findings).toEqual([])
  })
})

it('on a notebook no table scrolls sideways', async () => {
  const { page, go } = await visit(world.adminUrl, '/', { email: world.people.root })
  const wide: string[] = []
  for (const [name, path] of Object.entries(dashboardPages(world))) {
    await go(path)
    wide.push(...(await wideTables(page)).map((table) => `${name}: ${table}`))
  }
  expect(wide).toEqual([])
})

it('on a phone no page and no table is wider than its place, and the menu opens and closes', async () => {
  const viewport = { width: 390, height: 844 }
  const { page, go } = await visit(world.adminUrl, '/', { email: world.people.root, viewport })
  const wide: string[] = []
  for (const [name, path] of Object.entries(dashboardPages(world))) {
    await go(path)
    const width = await page.evaluate<number>('document.documentElement.scrollWidth')
    if (width > viewport.width) wide.push(`${name}: ${width}`)
    wide.push(...(await wideTables(page)).map((table) => `${name}: ${table}`))
  }
  expect(wide).toEqual([])

  const { organizationId } = world
  await go(`/o/${organizationId}/keys`)
  await page.getByRole('button', { name: 'Menu' }).click()
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Members' }).click()
  await page.getByRole('heading', { name: 'Members', level: 1 }).waitFor()
  expect(await page.getByRole('button', { name: 'Menu' }).getAttribute('aria-expanded')).not.toBe('true')
})

const wideTables = (page: Page): Promise<string[]> =>
  page.evaluate<string[]>(`[...document.querySelectorAll('table')]
    .filter(({ parentElement: place }) => place.scrollWidth > place.clientWidth + 1)
    .map((table) => table.getAttribute('aria-label') ?? 'a table')`)
