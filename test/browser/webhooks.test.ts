import type { Page } from 'playwright-core'
import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DashboardWorld, startDashboardWorld } from '../helpers/dashboard-world.ts'
import { eventually } from '../helpers/eventually.ts'
import { settled } from '../helpers/tab.ts'
import { visit } from '../helpers/visit.ts'
import { type ReceivedWebhook, startWebhookTarget, type WebhookTarget } from '../helpers/webhook-target.ts'

let world: DashboardWorld
let target: WebhookTarget
beforeAll(async () => {
  world = await startDashboardWorld()
  target = await startWebhookTarget()
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
  await target[Symbol.asyncDispose]()
})

describe('a webhook', () => {
  it('is created, tested, seen to fail, sent again and given another secret by hand', async () => {
    const { page } = await visit(world.adminUrl, `/o/${world.organizationId}/webhooks`, { email: world.people.admin })
    await page.getByRole('button', { name: 'Create webhook' }).click()
    const form = page.getByRole('dialog')
    await form.getByRole('textbox', { name: 'URL' }).fill(target.url)
    await form.getByRole('textbox', { name: 'Description' }).fill('On call')
    await form.getByRole('button', { name: 'Create' }).click()
    const first = await takeSecret(page)
    await page.getByRole('heading', { name: `127.0.0.1:${target.port}`, level: 1 }).waitFor()

    const arrived = await sendTest(page)
    const drawer = page.getByRole('dialog')
    await drawer.getByText('delivered', { exact: true }).waitFor()
    await drawer.getByText('204', { exact: true }).waitFor()
    expect(new Webhook(first).verify(arrived.text, arrived.headers)).toMatchObject({ type: 'webhook.test' })
    await close(page)

    target.answerWith((response) => void response.writeHead(500).end('the disk is <b>full</b>'))
    const refused = await sendTest(page)
    await drawer.getByText('500', { exact: true }).waitFor()
    await drawer.getByLabel('Body of the answer').getByText('the disk is <b>full</b>').waitFor()
    await drawer.getByText('Next attempt').waitFor()
    const failedAt = new URL(page.url()).searchParams.get('delivery')

    target.answerWith((response) => void response.writeHead(204).end())
    await drawer.getByRole('button', { name: 'Send it again' }).click()
    await drawer.getByText('delivered', { exact: true }).waitFor()
    expect(target.received.at(-1)?.id).toBe(refused.id)
    await drawer.getByRole('button', { name: failedAt ?? '' }).waitFor()
    await close(page)

    await page.getByRole('button', { name: 'More to do with this webhook' }).click()
    await page.getByRole('menuitem', { name: 'Rotate the secret…' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Rotate' }).click()
    const second = await takeSecret(page)
    expect(second).not.toBe(first)
    const signedTwice = await sendTest(page)
    for (const secret of [first, second]) {
      expect(new Webhook(secret).verify(signedTwice.text, signedTwice.headers)).toMatchObject({ type: 'webhook.test' })
    }
    const left = await page.evaluate<string>(
      'document.documentElement.outerHTML + JSON.stringify([localStorage, sessionStorage, history.state, location.href])',
    )
    for (const secret of [first, second]) expect(left).not.toContain(secret.slice('whsec_'.length))
  })

  it('shows a delivery by its address, also one that the filters leave out', async () => {
    const { adminUrl, organizationId, people, ids, gateway } = world
    const webhook = `/organizations/${organizationId}/webhooks/${ids.webhook}`
    const { body: sent } = await gateway.api<{ id: string }>('POST', `${webhook}/test`)
    await eventually('it to be delivered', async () => {
      return (await gateway.api('GET', `${webhook}/deliveries/${sent.id}`)).body.status === 'delivered'
    })
    const at = `/o/${organizationId}/webhooks/${ids.webhook}?status=failed`
    const { page, go, expectProblem } = await visit(adminUrl, `${at}&delivery=${sent.id}`, { email: people.viewer })
    const drawer = page.getByRole('dialog')
    await drawer.getByText('webhook.test', { exact: true }).first().waitFor()
    await drawer.getByText('delivered', { exact: true }).waitFor()
    await close(page)
    await page.getByText('No delivery matches').waitFor()
    await page.getByRole('button', { name: 'Clear the filters' }).click()
    await page.getByRole('combobox', { name: 'Type of the event' }).click()
    await page.getByRole('option', { name: 'webhook.test' }).click()
    await page
      .getByRole('row', { name: /delivered.*webhook\.test/ })
      .first()
      .waitFor()
    await settled(page)
    expect(await page.getByRole('row', { name: /api_key\.created/ }).count()).toBe(0)
    expect(new URL(page.url()).searchParams.get('type')).toBe('webhook.test')

    expectProblem(/deliveries\/dlv_none was answered 404$/)
    await go(`${at}&delivery=dlv_none`)
    await drawer.getByText('There is no such delivery').waitFor()
  })
})

/** @returns what has come to the target. */
async function sendTest(page: Page): Promise<ReceivedWebhook> {
  const before = target.received.length
  await page.getByRole('button', { name: 'Send a test' }).click()
  return eventually('the test to arrive', () => target.received[before], { withinMs: 20_000 })
}

async function close(page: Page): Promise<void> {
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'detached' })
}

async function takeSecret(page: Page): Promise<string> {
  const shown = page.getByTestId('secret')
  const secret = (await shown.textContent()) ?? ''
  expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/)
  await page.getByLabel('I have stored it').check()
  await page.getByRole('button', { name: 'Done' }).click()
  await shown.waitFor({ state: 'detached' })
  return secret
}
