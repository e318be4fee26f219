import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DashboardWorld, startDashboardWorld } from '../helpers/dashboard-world.ts'
import { visit } from '../helpers/visit.ts'

let world: DashboardWorld
beforeAll(async () => {
  world = await startDashboardWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

const told = (page: Page) => page.getByRole('alert').filter({ hasText: 'Somebody else has changed this meanwhile' })

describe('two people who change the same thing', () => {
  it('a key: the later one is shown what the other has changed, and overwrites nothing', async () => {
    const { adminUrl, organizationId, people, keys, gateway } = world
    const path = `/organizations/${organizationId}/api-keys/${keys.reader.id}`
    const { page, expectProblem } = await visit(adminUrl, `/o/${organizationId}/keys/${keys.reader.id}?dialog=edit`, {
      email: people.admin,
    })
    const form = page.getByRole('dialog', { name: 'Edit the key' })
    const name = form.getByRole('textbox', { name: 'Name', exact: true })
    await name.fill('Typed by the later one')
    await gateway.api('PATCH', path, { name: 'Lobby screen', description: 'Typed by the other' })
    expectProblem(/^PATCH .* was answered 412$/)
    await form.getByRole('button', { name: 'Save' }).click()
    await told(page).getByText('Name: Status board → Lobby screen').waitFor()
    await told(page).getByText('Description: nothing → Typed by the other').waitFor()
    expect(await name.inputValue()).toBe('Typed by the later one')
    expect((await gateway.api('GET', path)).body).toMatchObject({ name: 'Lobby screen' })

    await page.getByRole('button', { name: 'Show it as it is now' }).click()
    expect(await name.inputValue()).toBe('Lobby screen')
    await name.fill('Typed again')
    await form.getByRole('button', { name: 'Save' }).click()
    await form.waitFor({ state: 'detached' })
    const key = (await gateway.api('GET', path)).body
    expect(key).toMatchObject({ name: 'Typed again', description: 'Typed by the other' })
  })

  it('a webhook', async () => {
    const { adminUrl, organizationId, people, ids, gateway } = world
    const path = `/organizations/${organizationId}/webhooks/${ids.webhook}`
    const { page, expectProblem } = await visit(adminUrl, `/o/${organizationId}/webhooks/${ids.webhook}?dialog=edit`, {
      email: people.admin,
    })
    const form = page.getByRole('dialog')
    await form.getByRole('textbox', { name: 'Description' }).fill('Mine')
    await gateway.api('PATCH', path, { events: ['api_key.revoked'] })
    expectProblem(/^PATCH .* was answered 412$/)
    await form.getByRole('button', { name: 'Save' }).click()
    await told(page)
      .getByText(/Events: .*api_key\.created.* → api_key\.revoked$/)
      .waitFor()
    await page.getByRole('button', { name: 'Show it as it is now' }).click()
    await form.getByRole('textbox', { name: 'Description' }).fill('Mine')
    await form.getByRole('button', { name: 'Save' }).click()
    await form.waitFor({ state: 'detached' })
    expect((await gateway.api('GET', path)).body).toMatchObject({ description: 'Mine', events: ['api_key.revoked'] })
  })

  it('the settings of an organization, and what an operator may do', async () => {
    const { adminUrl, organizationId, people, gateway } = world
    const { page, go, expectProblem } = await visit(adminUrl, `/o/${organizationId}/settings`, { email: people.root })
    await page.getByRole('textbox', { name: 'Name', exact: true }).fill('Mine Ltd')
    await gateway.api('PATCH', `/organizations/${organizationId}`, { name: 'Theirs Ltd' })
    expectProblem(/^PATCH .* was answered 412$/)
    await page.getByRole('button', { name: 'Save changes' }).click()
    await told(page).getByText('Acme Ltd → Theirs Ltd').waitFor()
    await page.getByRole('button', { name: 'Show it as it is now' }).click()
    expect(await page.getByRole('textbox', { name: 'Name', exact: true }).inputValue()).toBe('Theirs Ltd')
    await told(page).waitFor({ state: 'detached' })

    const barbara = await gateway.store.findOperatorByEmail(people.viewer)
    await go(`/operators?edit=${barbara?.id}`)
    const form = page.getByRole('dialog', { name: 'Edit the operator' })
    await form.getByRole('textbox', { name: 'Name' }).fill('Barbara')
    await gateway.api('PATCH', `/operators/${barbara?.id}`, { is_root: true })
    await form.getByRole('button', { name: 'Save' }).click()
    await told(page).getByText('Is root: false → true').waitFor()
    expect((await gateway.store.findOperatorByEmail(people.viewer))?.name).toBe('Barbara Liskov')
  })
})
