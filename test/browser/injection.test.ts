import { afterAll, beforeAll, expect, it } from 'vitest'
import { type DashboardWorld, startDashboardWorld } from '../helpers/dashboard-world.ts'
import { visit } from '../helpers/visit.ts'

/** What would run, or break out of its place, were it not taken as text. Each says where it came from. */
const wicked = (of: string): string => `<img src=x onerror="globalThis.ran='${of}'">'"]]>{{7*7}}${of}`

let world: DashboardWorld
let keyId: string
let webhookId: string
beforeAll(async () => {
  world = await startDashboardWorld()
  const { gateway, organizationId, adminUrl } = world
  const at = `/organizations/${organizationId}`
  const make = async <T>(path: string, body: unknown, method = 'POST'): Promise<T> => {
    const answer = await gateway.api<T>(method, path, body)
    if (answer.status > 299) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
    return answer.body
  }
  await make(at, { name: wicked('organization'), metadata: { [wicked('name')]: wicked('metadata') } }, 'PATCH')
  await make('/organizations', { name: wicked('other') })
  await make(`${at}/workspaces`, { name: wicked('workspace'), external_id: 'prj_66' })
  const account = await make<{ id: string }>(`${at}/service-accounts`, {
    ...{ name: wicked('account'), description: wicked('account description'), role: 'viewer' },
  })
  await make(`${at}/members`, { email: 'mallory@example.com', role: 'viewer', name: wicked('member') })
  await make('/operators', { email: 'mal@example.com', name: wicked('operator'), is_root: false })
  const created = await make<{ key: { id: string }; raw_key: string }>(`${at}/api-keys`, {
    ...{ name: wicked('key'), description: wicked('key description'), service_account_id: account.id },
    ...{ metadata: { note: wicked('key metadata') }, workspace_ids: ['prj_66'] },
  })
  keyId = created.key.id
  const webhook = await make<{ id: string }>(`${at}/webhooks`, {
    ...{ url: 'http://127.0.0.1:9/<script>', events: ['webhook.test'], description: wicked('webhook') },
  })
  webhookId = webhook.id
  await make(`${at}/webhooks/${webhook.id}/test`, undefined)
  const headers = { authorization: `Bearer ${created.raw_key}`, 'user-agent': wicked('agent') }
  await (await fetch(`${gateway.dataUrl}/api/v1/projects/<script>ran=1</script>`, { headers })).body?.cancel()
  await make(`${at}/api-keys/${keyId}/revoke`, { reason: wicked('reason') })
  const session = { 'content-type': 'application/json', origin: adminUrl, 'user-agent': wicked('browser') }
  const body = JSON.stringify({ email: world.people.root, password: 'correct horse battery staple' })
  await (await fetch(`${adminUrl}/platform/sessions`, { method: 'POST', headers: session, body })).body?.cancel()
  await gateway.requestLog()
})
afterAll(() => world[Symbol.asyncDispose]())

it('names that people give are text wherever they are shown', async () => {
  const { adminUrl, organizationId, people, gateway } = world
  const {
    rows: [row],
  } = await gateway.store.listRequests({ keyId }, { limit: 1 })
  const org = `/o/${organizationId}`
  const pages: readonly (readonly [string, readonly string[]])[] = [
    [org, ['organization']],
    [`${org}/keys`, ['key']],
    [`${org}/keys/${keyId}`, ['key', 'key description', 'reason', 'account']],
    [`${org}/keys/${keyId}?dialog=edit`, []],
    [`${org}/requests`, ['key']],
    [`${org}/requests?request=${row?.id}`, ['agent']],
    [`${org}/service-accounts`, ['account']],
    [`${org}/workspaces`, ['workspace']],
    [`${org}/members`, ['member']],
    [`${org}/webhooks`, []],
    [`${org}/webhooks/${webhookId}`, ['webhook']],
    [`${org}/jobs`, []],
    [`${org}/events`, []],
    [`${org}/settings`, ['organization']],
    ['/organizations', ['organization', 'other']],
    ['/operators', ['member', 'operator']],
    ['/requests', ['organization']],
    ['/events', []],
    ['/overview', []],
    ['/account', []],
    [`/explain?as=key&org=${organizationId}&key=${keyId}&path=/api/v1/projects`, []],
  ]
  const { page, go } = await visit(adminUrl, '/', { email: people.root })
  const missing: string[] = []
  for (const [path, shown] of pages) {
    await go(path)
    const body = await page.locator('body').innerText()
    missing.push(...shown.filter((of) => !body.includes(wicked(of))).map((of) => `${path}: ${of}`))
    const state = await page.evaluate<unknown>(
      `[globalThis.ran ?? null, document.querySelectorAll('img[src="x"]').length]`,
    )
    expect(state, path).toEqual([null, 0])
    // Where it can be clicked it must not lead where the text says.
    const hrefs = await page
      .locator('a[href]')
      .evaluateAll((links) => links.map((link) => link.getAttribute('href') ?? ''))
    const outside = hrefs.filter((href) => !/^(\/(?!\/)|#)/.test(href))
    expect(outside, path).toEqual([])
  }
  expect(missing).toEqual([])
})
