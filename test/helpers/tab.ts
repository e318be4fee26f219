import type { Page } from 'playwright-core'
import { eventually } from './eventually.ts'
import { password } from './operators.ts'

/** The cookies of a log-in, as if it had been done by hand. */
export async function logInTab(page: Page, adminUrl: string, email: string): Promise<void> {
  const answer = await page.context().request.post(`${adminUrl}/platform/sessions`, {
    data: { email, password },
    headers: { origin: adminUrl },
  })
  if (!answer.ok()) throw new Error(`log-in was answered ${answer.status()}: ${await answer.text()}`)
}

/** Everything that was asked for has come, and stands where skeletons were. */
export async function settled(page: Page): Promise<void> {
  await eventually('the page to be whole', () => page.evaluate<boolean>(isWhole), { withinMs: 20_000, everyMs: 30 })
}

const unsettled = '.mantine-Skeleton-root, .mantine-Loader-root:not([aria-hidden]), [aria-busy=true]'
const isWhole = `document.querySelector('h1, h2') !== null && document.querySelector('${unsettled}') === null`
