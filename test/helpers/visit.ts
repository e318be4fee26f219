import { AxeBuilder } from '@axe-core/playwright'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, expect, onTestFinished } from 'vitest'
import { launchChromium, openTab } from './chromium.ts'
import { logInTab, settled } from './tab.ts'

export interface Visit {
  readonly page: Page
  /** What has gone wrong so far. */
  readonly problems: readonly string[]
  /** Goes to a page of the dashboard, and waits until it shows what it has. */
  go(path: string): Promise<void>
  /** A problem that belongs to the test; one that does not come fails it too. */
  expectProblem(pattern: RegExp): void
  /** One that chance decides about, and that comes right by itself. */
  allowProblem(pattern: RegExp): void
}

export interface Visitor {
  /** Logs in as this one; left out, as nobody. */
  readonly email?: string | undefined
  readonly scheme?: 'light' | 'dark'
  readonly viewport?: { readonly width: number; readonly height: number }
}

let running: Promise<Browser> | undefined
afterAll(async () => {
  await (await running?.catch(() => undefined))?.close()
})

/**
 * Opens the dashboard in Chromium, for one test: a profile of its own, closed at the end of it. What goes wrong in the page
 * fails the test, unless the test says that it expects it.
 */
export async function visit(
  adminUrl: string,
  path = '/',
  { email, scheme = 'light', viewport = { width: 1280, height: 800 } }: Visitor = {},
): Promise<Visit> {
  running ??= launchChromium()
  const options: BrowserContextOptions = {
    ...{ baseURL: adminUrl, colorScheme: scheme, viewport },
    permissions: ['clipboard-read', 'clipboard-write'],
  }
  const tab = await openTab(await running, options)
  const expected: RegExp[] = []
  const allowed: RegExp[] = email === undefined ? [asksWho] : []
  onTestFinished(async () => {
    await tab[Symbol.asyncDispose]()
    const isExpected = (problem: string): boolean => [...expected, ...allowed].some((pattern) => pattern.test(problem))
    expect(
      tab.problems.filter((problem) => !isExpected(problem)),
      'what went wrong in the page',
    ).toEqual([])
    const missing = expected.filter((pattern) => !tab.problems.some((problem) => pattern.test(problem)))
    expect(missing, 'problems that were to come').toEqual([])
  })
  if (email !== undefined) await logInTab(tab.page, adminUrl, email)

  const go = async (to: string): Promise<void> => {
    await tab.page.goto(to)
    await settled(tab.page)
  }
  await go(path)
  return {
    page: tab.page,
    problems: tab.problems,
    go,
    expectProblem: (pattern) => void expected.push(pattern),
    allowProblem: (pattern) => void allowed.push(pattern),
  }
}

/** Who one is, asked by nobody. */
const asksWho = /^GET \/platform\/me was answered 401$/

/** What axe-core has to say against the page that people can't do without: serious and critical findings. */
export async function axeFindings(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).setLegacyMode(true).analyze()
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, help, nodes }) => nodes.map(({ html, any }) => `${id}: ${help}: ${html} ${any[0]?.message ?? ''}`))
}
