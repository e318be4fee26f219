import { expect, it } from 'vitest'
import { startUpstream } from '../../examples/upstream.ts'
import { startAdmin } from '../helpers/admin.ts'
import { forThisTest } from '../helpers/for-this-test.ts'
import { startGateway } from '../helpers/gateway.ts'
import { logInRoot, password } from '../helpers/operators.ts'
import { visit } from '../helpers/visit.ts'

it('leads from the set-up link to a first request, which it sees live', async () => {
  const stack = await forThisTest(new AsyncDisposableStack())
  const upstream = await startUpstream(0)
  stack.defer(() => upstream.close())
  const gateway = await forThisTest(
    startGateway(`
scopes: { "projects:read": Read projects }
upstreams: { api: { targets: ["${upstream.url}"] } }
routes:
  - { path: /api/v1/projects/*, scopes: ["projects:read"], upstream: api }
`),
  )
  const link = await gateway.app.setupLink()
  const { page } = await visit(gateway.adminUrl, new URL(link?.url ?? '').pathname + new URL(link?.url ?? '').hash)
  expect(page.url()).toBe(`${gateway.adminUrl}/setup`)

  await page.getByLabel('Your name').fill('Ada Lovelace')
  await page.getByLabel('E-mail').fill('ada@example.com')
  await page.getByRole('textbox', { name: 'Password' }).fill(password)
  await page.getByRole('button', { name: 'Create the account' }).click()

  await page.getByLabel('Name of the organization').fill('Analytical Engines')
  await page.getByRole('button', { name: 'Create organization' }).click()
  await page.getByRole('textbox', { name: 'Name' }).fill('First of all')
  await page.getByRole('button', { name: 'Create key' }).click()

  const line = (await page.getByTestId('curl').textContent()) ?? ''
  const [, key = '', url = ''] = /^curl -H "Authorization: Bearer (sk_\w+)" (\S+)$/.exec(line) ?? []
  expect(new URL(url).origin).toBe(gateway.dataUrl)
  expect(page.url()).not.toContain(key)
  await expect(page.getByTestId('first-request').count()).resolves.toBe(0)

  const answer = await fetch(url, { headers: { authorization: `Bearer ${key}` } })
  expect(answer.status).toBe(200)
  const seen = page.getByTestId('first-request')
  await seen.getByText('We saw your first request').waitFor()
  expect(await seen.textContent()).toContain(`GET ${new URL(url).pathname}`)

  await page.getByLabel('I have stored the key').check()
  await page.getByRole('button', { name: 'To the overview' }).click()
  await page.getByRole('heading', { name: 'Analytical Engines', level: 1 }).waitFor()
  expect(await page.content()).not.toContain(key)
})

it('a set-up link works once', async () => {
  const gateway = await forThisTest(startGateway('routes: []'))
  const link = new URL((await gateway.app.setupLink())?.url ?? '')
  const redeem = await fetch(`${gateway.adminUrl}/platform/setup`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: gateway.adminUrl },
    body: JSON.stringify({ token: link.hash.slice('#token='.length), email: 'a@example.com', name: 'A', password }),
  })
  expect(redeem.status).toBe(201)

  const { page, expectProblem } = await visit(gateway.adminUrl, '/')
  await page.goto(link.pathname + link.hash)
  await page.getByRole('textbox', { name: 'Password' }).fill(password)
  expectProblem(/^POST \/platform\/setup was answered 401$/)
  await page.getByRole('button', { name: 'Set the password' }).click()
  await page.getByText('This link is no longer good').waitFor()
})

it('somebody with root begins in the only organization, and above all of them where there are more', async () => {
  const gateway = await forThisTest(startAdmin())
  const { email } = await logInRoot(gateway)
  const first = await visit(gateway.adminUrl, '/', { email })
  await first.page.getByRole('heading', { name: 'Acme', level: 1 }).waitFor()
  await first.page.getByRole('link', { name: 'API keys' }).waitFor()
  await gateway.createOrg({ name: 'Globex' })
  const second = await visit(gateway.adminUrl, '/', { email })
  await second.page.getByText('in all organizations').waitFor()
  await second.page.getByRole('button', { name: 'Organization: Choose an organization' }).waitFor()
})
