import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../src/ids.ts'
import type { ClaimedJob } from '../../src/store/jobs-store.ts'
import { type DashboardWorld, startDashboardWorld } from '../helpers/dashboard-world.ts'
import { testActor } from '../helpers/gateway.ts'
import { jobEnd } from '../helpers/jobs.ts'
import { visit } from '../helpers/visit.ts'

let world: DashboardWorld
beforeAll(async () => {
  world = await startDashboardWorld()
  await jobEnd(world.gateway.api, world.organizationId, world.ids.job)
})
afterAll(() => world[Symbol.asyncDispose]())

/** One that is done by this test, at its own pace: nobody else sees it before it is taken. */
async function takeJob(): Promise<ClaimedJob> {
  const { organizationId, gateway } = world
  const id = newId('job', Date.now())
  const claimed = await gateway.store.together(async (store) => {
    await store.createJob(
      { id, organizationId, type: 'bulk_revoke', params: { reason: null }, total: 10 },
      20,
      testActor,
    )
    return store.claimJob({ leaseMs: 600_000, runningMax: 2 })
  })
  if (claimed?.id !== id) throw new Error('there was another job before it')
  return claimed
}

const terms = { leaseMs: 600_000, needs: null }

describe('jobs', () => {
  it('say how far they are, and end at their next step, or at once, when somebody cancels them', async () => {
    const { adminUrl, organizationId, people, gateway } = world
    const { store } = gateway
    const { lease } = await takeJob()
    const { page, go } = await visit(adminUrl, `/o/${organizationId}/jobs`, { email: people.admin })
    const row = page.getByRole('row', { name: /Revoking keys/ })
    await row.getByText('0 of 10 keys').waitFor()
    await store.saveJobStep(lease, terms, [], () => ({ progress: 4, checkpoint: {} }))
    await row.getByText('4 of 10 keys').waitFor()

    await row.getByRole('link', { name: 'Revoking keys' }).click()
    await page.getByRole('heading', { name: 'Revoking keys', level: 1 }).waitFor()
    await store.saveJobStep(lease, terms, [], () => ({ progress: 7, checkpoint: {} }))
    await page.getByText('7 of 10 keys').waitFor()
    expect(await page.getByRole('progressbar').getAttribute('aria-valuenow')).toBe('70')
    await page.getByRole('button', { name: 'Cancel the job' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel the job' }).click()
    await page.getByText('It ends at its next step').waitFor()
    expect(await store.beatJob(lease, terms)).toBe('cancelling')

    // Behind the one that runs another waits for its turn, until it is cancelled.
    await go(`/o/${organizationId}/jobs?dialog=export-keys`)
    await page.getByRole('dialog').getByRole('button', { name: 'Export' }).click()
    await page.getByRole('heading', { name: 'Export of keys', level: 1 }).waitFor()
    await page.getByRole('button', { name: 'Cancel the job' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel the job' }).click()
    await page.getByText('It is cancelled.').waitFor()

    await store.finishJob(lease, { status: 'cancelled', result: null, errorMessage: null })
    await go(`/o/${organizationId}/jobs?status=cancelled`)
    await page.getByRole('row', { name: /Revoking keys.*cancelled.*7 of 10 keys/ }).waitFor()
    await page.getByRole('row', { name: /Export of keys.*cancelled/ }).waitFor()
    expect(await page.getByRole('row', { name: /completed/ }).count()).toBe(0)
    await page.getByRole('combobox', { name: 'Kind of job' }).click()
    await page.getByRole('option', { name: 'Revoking keys' }).click()
    await page.getByRole('row', { name: /Export of keys/ }).waitFor({ state: 'detached' })
    expect(new URL(page.url()).search).toBe('?status=cancelled&type=bulk_revoke')
  })
})
