import { randomUUID } from 'node:crypto'
import { describe, expect } from 'vitest'
import { newId } from '../../../src/ids.ts'
import type {
  ClaimedJob,
  Job,
  JobFilter,
  JobHold,
  JobNeeds,
  JobStep,
  KeyOutcome,
} from '../../../src/store/jobs-store.ts'
import type { Actor, Role, Search, Store } from '../../../src/store/store.ts'
import type { OpenStore } from '../store.ts'
import { actor, dayMs, makeKey, makeOrganization, newSecret, testOn } from './make.ts'

const leaseMs = 15_000
const terms = { leaseMs, needs: null }
const step = (progress: number, output = ''): JobStep => ({ progress, checkpoint: { progress }, output })

async function makeJob(store: Store, organizationId: string, max = 20): Promise<Job | undefined> {
  const job = {
    id: newId('job', Date.now()),
    organizationId,
    type: 'key_export',
    params: { format: 'csv' },
    total: 7,
  } as const
  return store.createJob(job, max, actor)
}

async function claimNew(store: Store, runningMax = 2): Promise<ClaimedJob> {
  await makeJob(store, await makeOrganization(store))
  const claimed = await store.claimJob({ leaseMs, runningMax })
  if (!claimed) throw new Error('there was no job to claim')
  return claimed
}

export function jobsContract(open: OpenStore): void {
  const it = testOn(open)

  describe('jobs', () => {
    it('keeps a job as it was ordered, listed newest first in its organization alone', async ({ opened, store }) => {
      const [own, other] = [await makeOrganization(store), await makeOrganization(store)]
      const first = await makeJob(store, own)
      const second = await makeJob(store, own)
      await makeJob(store, other)
      const reopened = await opened.reopen()
      expect((await reopened.listJobs(own)).rows).toEqual([second, first])
      expect((await reopened.listJobs(own, {}, { before: second?.id ?? '' })).rows).toEqual([first])
      expect(await reopened.findJob(own, first?.id ?? '')).toEqual(first)
      expect(await reopened.findJob(other, first?.id ?? '')).toBeUndefined()
      expect(first).toMatchObject({
        status: 'pending',
        progress: 0,
        total: 7,
        result: null,
        createdBy: 'usr_1',
        startedAt: null,
      })
    })

    it('is found by type and status, with a bounded look at the others', async ({ store }) => {
      const own = await makeOrganization(store)
      const jobs = [await makeJob(store, own), await makeJob(store, own), await makeJob(store, own)]
      const [first, second, third] = jobs.map((job) => job?.id ?? '')
      await store.cancelJob(own, second ?? '', actor)
      const find = async (...search: [JobFilter?, Search?]) => {
        const { rows, next } = await store.listJobs(own, ...search)
        return [rows.map(({ id }) => id), next]
      }
      expect(await find({ status: 'cancelled' })).toEqual([[second], undefined])
      expect(await find({ status: 'pending', type: 'key_export' })).toEqual([[third, first], undefined])
      expect(await find({ type: 'key_import' })).toEqual([[], undefined])
      expect(await find({ status: 'cancelled' }, { lookAt: 1 })).toEqual([[], third])
      expect(await find({ status: 'cancelled' }, { lookAt: 1, before: third ?? '' })).toEqual([[second], second])
      expect(await find({ status: 'pending' }, { limit: 1 })).toEqual([[third], third])
      expect((await store.listJobs(await makeOrganization(store), { status: 'pending' })).rows).toEqual([])
    })

    it('takes no more of an organization than may be unfinished', async ({ store }) => {
      const own = await makeOrganization(store)
      expect(await makeJob(store, own, 1)).toBeDefined()
      expect(await makeJob(store, own, 1)).toBeUndefined()
      expect(await store.countUnfinishedJobs(own)).toBe(1)
      expect(await makeJob(store, await makeOrganization(store), 1)).toBeDefined()
    })

    it('gives a job to one of many who ask at the same time', async ({ opened, store }) => {
      await makeJob(store, await makeOrganization(store))
      const other = await opened.openAnother()
      const claims = await Promise.all(
        [store, other, store, other].map((one) => one.claimJob({ leaseMs, runningMax: 2 })),
      )
      expect(claims.filter((claim) => claim !== undefined)).toHaveLength(1)
    })

    it('runs one job of an organization at a time, the oldest first, and so many in all', async ({ store }) => {
      const [a, b, c] = [await makeOrganization(store), await makeOrganization(store), await makeOrganization(store)]
      const [first] = [await makeJob(store, a), await makeJob(store, a)]
      const third = await makeJob(store, b)
      await makeJob(store, c)
      const claim = () => store.claimJob({ leaseMs, runningMax: 2 })
      const [one, two, none] = [await claim(), await claim(), await claim()]
      expect([one?.id, two?.id, none]).toEqual([first?.id, third?.id, undefined])
    })

    it('gives a job to whoever asks for it alone, before those that wait longer, and only when it may run', async ({
      store,
    }) => {
      const [a, b] = [await makeOrganization(store), await makeOrganization(store)]
      const first = await makeJob(store, a)
      const second = await makeJob(store, b)
      const claim = (jobId: string | undefined) => store.claimJob({ leaseMs, runningMax: 2, ...(jobId && { jobId }) })
      expect((await claim(second?.id))?.id).toBe(second?.id)
      expect(await claim(second?.id)).toBeUndefined()
      const third = await makeJob(store, b)
      expect(await claim(third?.id)).toBeUndefined()
      expect((await claim(undefined))?.id).toBe(first?.id)
    })

    it('gives a job to somebody else when its lease has run out, with the checkpoint of its last step', async ({
      opened,
      store,
    }) => {
      const first = await claimNew(store)
      await store.saveJobStep(first.lease, terms, [], () => step(3, 'abc'))
      opened.clock.advance(leaseMs - 1)
      expect(await store.claimJob({ leaseMs, runningMax: 2 })).toBeUndefined()
      opened.clock.advance(1)
      const second = await store.claimJob({ leaseMs, runningMax: 2 })
      expect(second).toMatchObject({
        id: first.id,
        progress: 3,
        checkpoint: { progress: 3 },
        actor,
        lost: 1,
        startedAt: first.startedAt,
      })

      let described = false
      const late = await store.saveJobStep(first.lease, terms, [], () => {
        described = true
        return step(9)
      })
      expect([late, described]).toEqual(['lost', false])
      expect(await store.beatJob(first.lease, terms)).toBe('lost')
      expect(await store.finishJob(first.lease, { status: 'completed', result: {}, errorMessage: null })).toBe(false)
      expect(await store.findJob(first.organizationId, first.id)).toMatchObject({ status: 'running', progress: 3 })
    })

    it('keeps a lease that beats, and counts no loss where it was given back', async ({ opened, store }) => {
      const { lease } = await claimNew(store)
      opened.clock.advance(leaseMs - 1)
      expect(await store.beatJob(lease, terms)).toBe('held')
      opened.clock.advance(leaseMs - 1)
      expect(await store.claimJob({ leaseMs, runningMax: 2 })).toBeUndefined()
      await store.releaseJob(lease)
      expect(await store.claimJob({ leaseMs, runningMax: 2 })).toMatchObject({ lost: 0 })
    })

    it('makes the changes of a step with its checkpoint, or neither', async ({ store }) => {
      const { lease, organizationId } = await claimNew(store)
      const [kept, system] = [
        await makeKey(store, organizationId),
        await makeKey(store, organizationId, { system: true }),
      ]
      const secret = newSecret()
      const key = { organizationId, name: 'New', scopes: [], environment: null, secret }
      const failed = store.saveJobStep(lease, terms, [{ kind: 'create', key }], () => {
        throw new Error('no')
      })
      await expect(failed).rejects.toThrow('no')
      expect(await store.findKeyByHash(secret.sha256)).toBeUndefined()

      const outcomes: KeyOutcome[] = []
      await store.saveJobStep(
        lease,
        terms,
        [
          { kind: 'create', key },
          { kind: 'create', key },
          { kind: 'create', key: { ...key, secret: newSecret(), serviceAccountId: 'sa_none' } },
          { kind: 'revoke', organizationId, keyId: kept.key.id, reason: 'leak' },
          { kind: 'revoke', organizationId, keyId: kept.key.id, reason: 'again' },
          { kind: 'revoke', organizationId, keyId: system.key.id, reason: null },
          { kind: 'rotate', organizationId, keyId: kept.key.id, secret: newSecret(), graceEndsAt: null },
        ],
        (all) => {
          outcomes.push(...all)
          return step(7)
        },
      )
      expect(outcomes.map(({ kind }) => kind)).toEqual([
        'done',
        'present',
        'missing',
        'done',
        'skipped',
        'skipped',
        'skipped',
      ])
      expect(await store.findKeyByHash(secret.sha256)).toMatchObject({ name: 'New' })
      expect(await store.findKey(organizationId, kept.key.id)).toMatchObject({ revokedReason: 'leak' })
      const [event] = (await store.listEvents({ organizationId }, { limit: 1 })).rows
      // Whoever ordered the job is who has done it.
      expect(event).toMatchObject({ type: 'api_key.revoked', actor })
    })

    it('gives away no key of another organization by its hash', async ({ store }) => {
      const { lease } = await claimNew(store)
      const theirs = await makeKey(store, await makeOrganization(store))
      const key = { organizationId: lease.jobId, name: 'New', scopes: [], environment: null, secret: theirs.secret }
      const outcomes: KeyOutcome[] = []
      await store.saveJobStep(lease, terms, [{ kind: 'create', key }], (all) => {
        outcomes.push(...all)
        return step(1)
      })
      expect(outcomes).toEqual([{ kind: 'taken' }])
    })

    it('cancels at once what waits, and tells the runner of what runs', async ({ store }) => {
      const running = await claimNew(store)
      const { organizationId } = running
      const waiting = await makeJob(store, organizationId)
      expect(await store.cancelJob(organizationId, waiting?.id ?? '', actor)).toMatchObject({ status: 'cancelled' })
      expect(await store.cancelJob(organizationId, running.id, actor)).toMatchObject({ status: 'running' })
      expect(await store.beatJob(running.lease, terms)).toBe('cancelling')
      expect(await store.saveJobStep(running.lease, terms, [], () => step(1))).toBe('cancelling')
      await store.finishJob(running.lease, { status: 'cancelled', result: { done: 1 }, errorMessage: null })
      expect(await store.findJob(organizationId, running.id)).toMatchObject({
        status: 'cancelled',
        result: { done: 1 },
      })
      const events = (await store.listEvents({ organizationId })).rows
      expect(events.map(({ type }) => type).slice(0, 3)).toEqual([
        'job.cancelled',
        'job.cancel_requested',
        'job.cancelled',
      ])
    })

    it('makes no step for an operator who has not the role that it takes, and says so with each beat', async ({
      store,
    }) => {
      const organizationId = await makeOrganization(store)
      const person = async (role: Role | 'root' | null, at = organizationId) => {
        const email = `${randomUUID()}@example.com`
        const membership = role === null || role === 'root' ? {} : { membership: { organizationId: at, role } }
        const isRoot = role === 'root'
        const input = { email, name: 'Ada', isRoot, verified: true, passwordHash: null, ...membership }
        const { id } = await store.createOperator(input, actor)
        return { type: 'operator', id } as const
      }
      const elsewhere = await person('owner', await makeOrganization(store))
      const cases: [Actor, JobNeeds, JobHold][] = [
        [await person('admin'), 'admin', 'held'],
        [await person('owner'), 'admin', 'held'],
        [await person('root'), 'owner', 'held'],
        [await person('root'), 'root', 'held'],
        [await person('owner'), 'root', 'forbidden'],
        [await person('admin'), 'owner', 'forbidden'],
        [await person('engineer'), 'admin', 'forbidden'],
        [await person(null), 'admin', 'forbidden'],
        [elsewhere, 'admin', 'forbidden'],
        [{ type: 'operator', id: 'usr_gone' }, 'admin', 'forbidden'],
        [{ type: 'operator', id: 'usr_gone' }, null, 'held'],
        [{ type: 'system', id: 'admin_token' }, 'root', 'held'],
        [{ type: 'cli', id: null }, 'root', 'held'],
      ]
      for (const [orderer, needs, expected] of cases) {
        const job = {
          id: newId('job', Date.now()),
          organizationId,
          type: 'bulk_revoke',
          params: {},
          total: null,
        } as const
        await store.createJob(job, 20, orderer)
        const claimed = await store.claimJob({ leaseMs, runningMax: 2 })
        if (claimed?.id !== job.id) throw new Error('another job was in the way')
        const { key } = await makeKey(store, organizationId)
        const revoke = { kind: 'revoke', organizationId, keyId: key.id, reason: null } as const
        const held = [
          await store.beatJob(claimed.lease, { leaseMs, needs }),
          await store.saveJobStep(claimed.lease, { leaseMs, needs }, [revoke], () => step(1, 'x')),
        ]
        const isRevoked = (await store.findKey(organizationId, key.id))?.revokedAt !== null
        const { progress, outputParts } = (await store.findJob(organizationId, job.id)) ?? {}
        const done = expected === 'held'
        expect([orderer, needs, held, isRevoked, progress, outputParts]).toEqual([
          ...[orderer, needs, [expected, expected], done],
          ...(done ? [1, 1] : [0, 0]),
        ])
        await store.finishJob(claimed.lease, { status: 'failed', result: null, errorMessage: 'x' })
      }
    })

    it('keeps output in order, and deletes in time what nobody needs any more', async ({ opened, store }) => {
      const { lease, id, organizationId } = await claimNew(store)
      await store.putJobInput(id, 0, 'input')
      await store.putJobInput('job_never', 0, 'orphan')
      for (const part of ['a', '', 'ü']) await store.saveJobStep(lease, terms, [], () => step(1, part))
      const never = { outputBefore: 0, jobsBefore: 0, orphansBefore: 0 }
      expect(await store.pruneJobs(never, 10)).toBe(0)
      await store.finishJob(lease, { status: 'completed', result: null, errorMessage: null })
      expect(await store.findJob(organizationId, id)).toMatchObject({
        outputParts: 2,
        outputBytes: 3,
        progress: 1,
        total: 1,
      })
      expect([await store.jobOutput(id, 0), await store.jobOutput(id, 1)]).toEqual(['a', 'ü'])

      expect(await store.pruneJobs(never, 10)).toBe(1)
      expect([await store.jobInput(id, 0), await store.jobInput('job_never', 0)]).toEqual([undefined, 'orphan'])
      opened.clock.advance(dayMs)
      const now = opened.clock.now()
      expect(await store.pruneJobs({ ...never, orphansBefore: now, outputBefore: now }, 2)).toBe(2)
      expect(await store.pruneJobs({ ...never, orphansBefore: now, outputBefore: now }, 2)).toBe(1)
      expect(await store.jobOutput(id, 0)).toBeUndefined()
      expect(await store.pruneJobs({ ...never, jobsBefore: now }, 2)).toBe(1)
      expect(await store.findJob(organizationId, id)).toBeUndefined()
    })
  })
}
