import { describe, expect, it } from 'vitest'
import { newId } from '../../src/ids.ts'
import { bulkRevoke } from '../../src/jobs/bulk-revoke.ts'
import type { JobHandler } from '../../src/jobs/handler.ts'
import type { RunnerOptions } from '../../src/jobs/runner.ts'
import { secretRotation } from '../../src/jobs/secret-rotation.ts'
import { type Job, type JobType, jobTypes } from '../../src/store/jobs-store.ts'
import type { Actor, Metadata, Role } from '../../src/store/store.ts'
import { makeKey } from '../contract/store-parts/make.ts'
import { testActor } from '../helpers/gateway.ts'
import { type JobBench, openJobBench } from '../helpers/job-runner.ts'

const everyKey = { all: true, reason: 'gone' }
const keys = 120

/** An organization with keys for three steps, somebody in it, and the job that this one orders. */
async function ordered(bench: JobBench, role: Role | 'root', order: { type?: JobType; params?: Metadata } = {}) {
  const { store, clock } = bench
  const { id: organizationId } = await bench.organization()
  for (let made = 0; made < keys; made++) await makeKey(store, organizationId)
  await store.createOperator(
    { email: 'first@example.com', name: 'First', isRoot: true, verified: true, passwordHash: 'x' },
    testActor,
  )
  const { id: operatorId } = await store.createOperator(
    {
      ...{ email: 'ada@example.com', name: 'Ada', isRoot: role === 'root', verified: true, passwordHash: 'x' },
      ...(role !== 'root' && { membership: { organizationId, role } }),
    },
    testActor,
  )
  const place = async (actor: Actor): Promise<Job> => {
    const { type = 'bulk_revoke', params = everyKey } = order
    const job = { id: newId('job', clock.now()), organizationId, type, params, total: null }
    const created = await store.createJob(job, 20, actor)
    if (created === undefined) throw new Error('the queue is full')
    return created
  }
  return { organizationId, operatorId, place, job: await place({ type: 'operator', id: operatorId }) }
}

/** Runs what waits with the real handlers; `between` happens when the first step of a job is committed. */
function run(bench: JobBench, between: () => Promise<unknown>, handlers: Partial<Record<JobType, JobHandler>> = {}) {
  const { store } = bench
  let steps = 0
  const revoke = bulkRevoke(store)
  const all = Object.fromEntries(jobTypes.map((type) => [type, handlers[type] ?? revoke])) as RunnerOptions['handlers']
  return bench.runner(async () => {}, {
    handlers: all,
    store: {
      ...store,
      saveJobStep: async (...input: Parameters<typeof store.saveJobStep>) => {
        const hold = await store.saveJobStep(...input)
        if (++steps === 1) await between()
        return hold
      },
    },
  })
}

const revokedOf = async ({ store }: JobBench, organizationId: string): Promise<number> =>
  store.countKeys(organizationId, { status: 'revoked' })

describe('a job whose orderer has lost the role for it', () => {
  const losses: readonly [
    string,
    Role | 'root',
    (bench: JobBench, who: { organizationId: string; operatorId: string }) => Promise<unknown>,
  ][] = [
    [
      'is made an engineer',
      'admin',
      ({ store }, { organizationId, operatorId }) =>
        store.updateMember(organizationId, operatorId, 'engineer', false, testActor),
    ],
    [
      'leaves the organization',
      'owner',
      ({ store }, { organizationId, operatorId }) => store.removeMember(organizationId, operatorId, false, testActor),
    ],
    ['is deleted', 'admin', ({ store }, { operatorId }) => store.deleteOperator(operatorId, testActor)],
    [
      'is root no more',
      'root',
      ({ store }, { operatorId }) => store.updateOperator(operatorId, { isRoot: false }, testActor),
    ],
  ]

  it.each(losses)('goes no further than the step in which it was lost: one who %s', async (_, role, lose) => {
    await using bench = await openJobBench()
    const made = await ordered(bench, role)
    run(bench, () => lose(bench, made))
    const end = await bench.until(made.job, 'failed')
    expect(end).toMatchObject({ progress: 50, total: keys, result: { revoked: 50, skipped: 0 } })
    expect(end.errorMessage).toMatch(/ordered it .* role .* again/)
    expect(await revokedOf(bench, made.organizationId)).toBe(50)
    const [event] = (await bench.store.listEvents({ organizationId: made.organizationId }, { limit: 1 })).rows
    expect(event).toMatchObject({ type: 'job.failed', target: made.job.id })
    expect(bench.faults).toEqual([])
  })

  it.each(losses)('does nothing where it waited meanwhile: one who %s', async (_, role, lose) => {
    await using bench = await openJobBench()
    const made = await ordered(bench, role)
    await lose(bench, made)
    run(bench, async () => undefined)
    expect((await bench.until(made.job, 'failed')).errorMessage).toMatch(/ordered it .* role .* again/)
    expect(await revokedOf(bench, made.organizationId)).toBe(0)
  })

  it('counts the role that the order was given with, where more depends on it: an owner who is made an admin', async () => {
    for (const [params, status] of [
      [everyKey, 'completed'],
      [{ ...everyKey, service_account_roles: ['admin', 'engineer', 'viewer'] }, 'completed'],
      [{ ...everyKey, service_account_roles: ['owner', 'admin', 'engineer', 'viewer'] }, 'failed'],
    ] as const) {
      await using bench = await openJobBench()
      const { organizationId, operatorId, job } = await ordered(bench, 'owner', { params })
      run(bench, () => bench.store.updateMember(organizationId, operatorId, 'admin', false, testActor))
      await bench.until(job, status)
      expect(await revokedOf(bench, organizationId)).toBe(status === 'completed' ? keys : 50)
    }
  })

  it('re-encrypts nothing of the instance for one who is root no more', async () => {
    await using bench = await openJobBench()
    const { operatorId, job } = await ordered(bench, 'root', { type: 'secret_rotation', params: {} })
    await bench.store.updateOperator(operatorId, { isRoot: false }, testActor)
    let begun = false
    const reencrypt = async () => {
      begun = true
      return { total: 0, changed: 0, unreadable: [], oldKeysUntil: null }
    }
    run(bench, async () => undefined, { secret_rotation: secretRotation(reencrypt) })
    await bench.until(job, 'failed')
    expect(begun).toBe(false)
  })

  it('is the only one: of an admin who is made an owner, and of root', async () => {
    await using bench = await openJobBench()
    const { organizationId, operatorId, job } = await ordered(bench, 'admin')
    run(bench, () => bench.store.updateMember(organizationId, operatorId, 'owner', false, testActor))
    await bench.until(job, 'completed')
    expect(await revokedOf(bench, organizationId)).toBe(keys)
  })

  it.each([
    { type: 'system', id: 'admin_token' },
    { type: 'cli', id: null },
  ] as const)('nobody asks that of $type', async (actor) => {
    await using bench = await openJobBench()
    const { organizationId, operatorId, place, job } = await ordered(bench, 'admin')
    await bench.store.cancelJob(organizationId, job.id, testActor)
    const own = await place(actor)
    await bench.store.deleteOperator(operatorId, testActor)
    run(bench, async () => undefined)
    await bench.until(own, 'completed')
    expect(await revokedOf(bench, organizationId)).toBe(keys)
  })
})
