import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { launchChromium, openTab } from '../../test/helpers/chromium.ts'
import { dashboardPages } from '../../test/helpers/dashboard-pages.ts'
import { startDashboardWorld } from '../../test/helpers/dashboard-world.ts'
import { logInTab, settled } from '../../test/helpers/tab.ts'

/**
 * `npm run screenshots -- FOLDER [PAGE …]`: pictures of every page of the dashboard, or of those that are named, at
 * 1280 × 800 and as on a phone, light and dark, of a gateway with a month of traffic. Build the dashboard first.
 */
const [folder, ...named] = process.argv.slice(2)
if (folder === undefined) throw new Error('name the folder that the pictures go to')
await mkdir(folder, { recursive: true })

const viewports = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } }

await using world = await startDashboardWorld({ history: 6000 })
const browser = await launchChromium()
try {
  const pages = Object.entries({ login: '/login', ...dashboardPages(world) })
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const [device, viewport] of Object.entries(viewports)) {
      for (const [name, path] of pages) {
        if (named.length > 0 && !named.includes(name)) continue
        await using tab = await openTab(browser, { baseURL: world.adminUrl, viewport, colorScheme })
        if (name !== 'login') await logInTab(tab.page, world.adminUrl, world.people.root)
        await tab.page.goto(path)
        await settled(tab.page)
        // All of a page, as on a taller screen; a dialog as it stands over it.
        const height = await tab.page.evaluate<number>('document.documentElement.scrollHeight')
        const isPage = (await tab.page.getByRole('dialog').count()) === 0
        if (isPage) await tab.page.setViewportSize({ width: viewport.width, height: Math.max(viewport.height, height) })
        // What is as high as the window has its new height with the next frame.
        await tab.page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))')
        await tab.page.screenshot({ path: join(folder, `${name}-${device}-${colorScheme}.png`) })
        process.stdout.write(`${name}-${device}-${colorScheme}.png\n`)
      }
    }
  }
} finally {
  await browser.close()
}
