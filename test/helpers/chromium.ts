import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'

/** One page with a profile of its own, and everything that has gone wrong in it. */
export interface Tab extends AsyncDisposable {
  readonly page: Page
  /** Errors of the console and of scripts, what the Content-Security-Policy refused, requests that failed; in order. */
  readonly problems: readonly string[]
}

/** The system's Chromium. @throws with what to install where there is none. */
export async function launchChromium(): Promise<Browser> {
  return await chromium.launch({ executablePath: findChromium(), args: flags })
}

/** A new profile: no cookies, no storage, nothing of another test. @param options as of Playwright's `newContext`. */
export async function openTab(browser: Browser, options: BrowserContextOptions = {}): Promise<Tab> {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    locale: 'en-GB',
    timezoneId: 'UTC',
    // What fades in is there at once: pictures and contrast are of what people read.
    reducedMotion: 'reduce',
    ...options,
  })
  const problems: string[] = []
  await context.exposeBinding('reportViolation', (_, violation: string) => void problems.push(violation))
  await context.addInitScript({ content: reportViolations })
  context.on('page', (page) => collect(page, problems))
  const page = await context.newPage()
  page.setDefaultTimeout(15_000)
  return { page, problems, [Symbol.asyncDispose]: () => context.close() }
}

/** Runs in every page before its own scripts. */
const reportViolations = `addEventListener('securitypolicyviolation', ({ effectiveDirective, blockedURI }) =>
  reportViolation(\`Content-Security-Policy: \${effectiveDirective} refused \${blockedURI || 'something'}\`))`

const flags = [
  ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
]

const names = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome']

function findChromium(): string {
  const named = process.env.CHROMIUM
  if (named !== undefined && named !== '') return named
  const folders = (process.env.PATH ?? '').split(delimiter)
  const found = names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isProgram)
  if (found !== undefined) return found
  throw new Error(
    'There is no Chromium here. Install it (on Debian: apt-get install chromium), or name one with CHROMIUM=/path/to/it.',
  )
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

function collect(page: Page, problems: string[]): void {
  page.on('console', (message) => {
    // Requests that fail are told below, with their method and status.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) {
      problems.push(`console: ${message.text()}`)
    }
  })
  page.on('pageerror', (error) => void problems.push(`script: ${error.message}`))
  page.on('response', (response) => {
    if (response.status() >= 400) problems.push(`${called(response.request())} was answered ${response.status()}`)
  })
  page.on('requestfailed', (request) => {
    const reason = request.failure()?.errorText ?? 'for a reason unknown'
    // The page itself has let go of it: a query that nobody waits for any more, a stream of a page that was left.
    if (reason !== 'net::ERR_ABORTED') problems.push(`${called(request)} failed: ${reason}`)
  })
}

const called = (request: { method(): string; url(): string }): string =>
  `${request.method()} ${new URL(request.url()).pathname}`
