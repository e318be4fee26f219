import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DashboardWorld, startDashboardWorld } from '../helpers/dashboard-world.ts'
import { eventually } from '../helpers/eventually.ts'
import { testActor } from '../helpers/gateway.ts'
import { settled } from '../helpers/tab.ts'
import { visit } from '../helpers/visit.ts'

let world: DashboardWorld
beforeAll(async () => {
  world = await startDashboardWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

describe('events', () => {
  it('are found by what happened, to what and by whom, under an address that can be sent on', async () => {
    const { adminUrl, organizationId, people, keys } = world
    const events = `/o/${organizationId}/events`
    const { page, go } = await visit(adminUrl, events, { email: people.owner })
    const rows = page.getByRole('table', { name: 'Events' }).getByRole('row')
    await page.getByRole('combobox', { name: 'Event', exact: true }).click()
    await page.getByRole('option', { name: 'API keys: all' }).click()
    await rows.filter({ hasText: 'API key revoked' }).first().waitFor()
    await settled(page)
    expect(new URL(page.url()).searchParams.get('type')).toBe('api_key.*')
    expect(await rows.filter({ hasText: /Webhook|Member|Workspace/ }).count()).toBe(0)

    await rows.getByText('API key revoked').first().click()
    await page.getByRole('dialog').getByRole('button', { name: 'All that happened to it' }).click()
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    // What was there before stays until the next has come.
    await eventually('its events alone', async () => (await rows.count()) === 3)
    expect(await rows.filter({ hasText: 'API key created' }).count()).toBe(1)
    expect(new URL(page.url()).searchParams.get('target')).toBe(keys.revoked.id)

    await go(`/o/${organizationId}/keys/${keys.rotated.id}`)
    await page.getByRole('link', { name: 'Events of this key' }).click()
    await rows.filter({ hasText: 'API key rotated' }).waitFor()
    await settled(page)
    expect(await rows.count()).toBe(3)

    await go(`${events}?actor=usr_nobody`)
    await page.getByText('No event matches').waitFor()
    await page.getByRole('button', { name: 'Clear the filters' }).click()
    await rows.nth(3).waitFor()
  })

  it('open by their address, also those that the list has not come to', async () => {
    const { adminUrl, organizationId, people, gateway } = world
    const { rows } = await gateway.store.listEvents({ organizationId, type: 'workspace.created' })
    const old = rows.at(-1)
    for (let made = 0; made < 60; made++) {
      await gateway.store.appendEvent(
        { type: 'api_key.exposed', organizationId, target: world.keys.reader.id },
        testActor,
      )
    }
    const { page, go, expectProblem } = await visit(adminUrl, `/o/${organizationId}/events?event=${old?.id}`, {
      email: people.viewer,
    })
    const drawer = page.getByRole('dialog')
    await drawer.getByText('workspace.created').waitFor()
    await drawer.getByText('prj_42').waitFor()
    expectProblem(/events\/evt_none was answered 404$/)
    await go(`/o/${organizationId}/events?event=evt_none`)
    await drawer.getByText('There is no such event').waitFor()
  })

  it('of the whole instance are searched by root, who sees that the chain is whole', async () => {
    const { page } = await visit(world.adminUrl, '/events', { email: world.people.root })
    await page.getByText('chain unbroken').waitFor()
    await page.getByRole('combobox', { name: 'By whom' }).click()
    await page.getByRole('option', { name: 'The admin token' }).click()
    const rows = page.getByRole('table', { name: 'Events' }).getByRole('row')
    await rows.filter({ hasText: 'the admin token' }).first().waitFor()
    await settled(page)
    expect(await rows.filter({ hasNotText: 'the admin token' }).count()).toBe(1)
  })
})
