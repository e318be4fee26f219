import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { launchChromium, openTab } from '../helpers/chromium.ts'
import { eventually } from '../helpers/eventually.ts'

/** A page with everything in it that must not be in one of ours. */
const server = createServer((request, response) => {
  if (request.url === '/') {
    response.setHeader('content-security-policy', "default-src 'self'; style-src 'self'")
    response.setHeader('content-type', 'text/html')
    response.end('<h1>Bad</h1><style>h1 { color: red }</style><script src="/bad.js"></script><img src="/gone.png">')
  } else if (request.url === '/bad.js') {
    response.setHeader('content-type', 'text/javascript')
    response.end('console.error("told"); fetch("http://127.0.0.1:1/").catch(() => {}); throw new Error("thrown")')
  } else response.writeHead(404).end()
})
let browser: Browser
let url: string
beforeAll(async () => {
  browser = await launchChromium()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(async () => {
  await browser.close()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

describe('the browser of these tests', () => {
  it.each([
    ['an error on the console', /^console: told$/],
    ['an error of a script', /^script: thrown$/],
    ['what the policy refused', /^Content-Security-Policy: style-src-elem refused inline$/],
    ['an address that the policy refused', /^Content-Security-Policy: connect-src refused http:\/\/127\.0\.0\.1:1\/$/],
    ['a request that was refused', /^GET \/gone\.png was answered 404$/],
  ])('sees %s', async (_, pattern) => {
    await using tab = await openTab(browser)
    await tab.page.goto(url)
    await eventually('the problem to be told', () => tab.problems.some((problem) => pattern.test(problem)), {
      withinMs: 10_000,
    })
  })

  it('has a new profile for every tab', async () => {
    await using one = await openTab(browser)
    await one.page.goto(url)
    await one.page.evaluate('localStorage.kept = "yes"; document.cookie = "kept=yes"')
    await using other = await openTab(browser)
    await other.page.goto(url)
    expect(await other.page.evaluate('[localStorage.kept ?? null, document.cookie]')).toEqual([null, ''])
  })

  it('says what to install where there is none', async () => {
    vi.stubEnv('PATH', '/nowhere').stubEnv('CHROMIUM', '')
    onTestFinished(() => void vi.unstubAllEnvs())
    await expect(launchChromium()).rejects.toThrow('apt-get install chromium')
  })
})
