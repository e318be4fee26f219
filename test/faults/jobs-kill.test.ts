import { spawn } from 'node:child_process'
import { hash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { newId } from '../../src/ids.ts'
import { readImport } from '../../src/jobs/key-import-text.ts'
import { compileKeyFormats } from '../../src/keys/format.ts'
import { sealInto } from '../../src/keys/seal-secret.ts'
import { createSecretBox, masterKey, type SecretBox, secretContext } from '../../src/keys/secret-box.ts'
import type { NewJob } from '../../src/store/jobs-store.ts'
import { openSqliteStore } from '../../src/store/sqlite.ts'
import type { Store } from '../../src/store/store.ts'
import { eventually } from '../helpers/eventually.ts'
import { testActor } from '../helpers/gateway.ts'

const runner = fileURLToPath(new URL('./jobs-kill-runner.ts', import.meta.url))
const accept = [{ prefix: 'old_', length: 24 }]

describe('a runner killed with SIGKILL in the middle of a job', () => {
  let folder: string
  let storeFile: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-jobs-kill-'))
    storeFile = join(folder, 'store.db')
    await writeFile(join(folder, 'gateway.yaml'), 'keys: { accept: [{ prefix: old_, length: 24 }] }\n')
  })
  afterEach(() => rm(folder, { recursive: true }))

  it('leaves an import that the next one finishes, with each key once', { timeout: 120_000 }, async () => {
    const keys = Array.from({ length: 1500 }, () => `old_${randomBytes(10).toString('hex')}`)
    const organizationId = await inStore(async (store) => {
      const { id } = await store.createOrganization({ name: 'Acme' }, testActor)
      const text = keys.map((raw_key, index) => JSON.stringify({ name: `Key ${index}`, raw_key })).join('\n')
      const params = { format: 'jsonl', service_account_roles: [] }
      const jobId = newId('job', Date.now())
      let parts = 0
      for await (const lines of readImport(
        text,
        'jsonl',
        compileKeyFormats({ prefix: 'sk', environments: ['live'], accept }),
      )) {
        await store.putJobInput(jobId, parts++, JSON.stringify(lines))
      }
      await order(store, { id: jobId, organizationId: id, type: 'key_import', params, total: keys.length })
      return id
    })

    const { killedAt, result } = await killUntilDone(organizationId)
    expectKilledBefore(1500, killedAt)
    expect(result).toMatchObject({ lines: 1500, created: 1500, skipped: 0, failed: 0 })
    const database = new DatabaseSync(storeFile, { readOnly: true })
    const rows = database.prepare('select lower(hex(sha256)) as sha256 from key_secrets').all()
    const output = database.prepare("select data from job_parts where kind = 'output' order by created_at, id").all()
    database.close()
    expect(rows.map(({ sha256 }) => String(sha256)).sort()).toEqual(
      keys.map((key) => hash('sha256', key, 'hex')).sort(),
    )
    const reported = output
      .flatMap(({ data }) => String(data).trimEnd().split('\n'))
      .map((line) => JSON.parse(line).line)
    expect(reported.sort((a, b) => a - b)).toEqual(keys.map((_, index) => index + 1))
  })

  it('leaves a revocation that the next one finishes, with one event for each key', { timeout: 120_000 }, async () => {
    const organizationId = await inStore(async (store) => {
      const { id } = await store.createOrganization({ name: 'Acme' }, testActor)
      for (let made = 0; made < 800; made++) {
        const secret = { sha256: randomBytes(32), keyPrefix: 'old_', keySuffix: '' }
        await store.createKey(
          { organizationId: id, name: `Key ${made}`, scopes: [], environment: 'live', secret },
          testActor,
        )
      }
      await order(store, {
        id: newId('job', Date.now()),
        organizationId: id,
        type: 'bulk_revoke',
        params: { reason: 'leak' },
        total: null,
      })
      return id
    })
    const { killedAt, result } = await killUntilDone(organizationId)
    expectKilledBefore(800, killedAt)
    expect(result).toMatchObject({ revoked: 800, skipped: 0 })
    const database = new DatabaseSync(storeFile, { readOnly: true })
    const [active] = database.prepare('select count(*) as count from api_keys where revoked_at is null').all()
    const [events] = database.prepare("select count(*) as count from admin_events where type = 'api_key.revoked'").all()
    database.close()
    expect([active?.count, events?.count]).toEqual([0, 800])
  })

  it('leaves a re-encryption that the next one finishes; every secret opens at any moment', {
    timeout: 120_000,
  }, async () => {
    const [old, next] = [masterKey(randomBytes(32)), masterKey(randomBytes(32))]
    const [before, both, after] = [createSecretBox(old), createSecretBox(next, [old]), createSecretBox(next)]
    const raws = new Map<string, string>()
    const organizationId = await inStore(async (store) => {
      const { id } = await store.createOrganization({ name: 'Acme' }, testActor)
      const formats = compileKeyFormats({ prefix: 'sk', environments: ['live'], accept: [] }, sealInto(before))
      for (let made = 0; made < sealedMax; made++) {
        const { secret, stored } = formats.generate('live')
        const input = { organizationId: id, name: `Key ${made}`, scopes: [], environment: 'live', secret: stored }
        raws.set((await store.createKey(input, testActor)).id, secret.reveal())
      }
      const type = 'secret_rotation'
      await order(store, { id: newId('job', Date.now()), organizationId: id, type, params: {}, total: null })
      return id
    })
    const expectReadable = (box: SecretBox) =>
      inStore(async (store) => {
        for (const [keyId, raw] of raws) {
          const found = await store.findSealedSecret(organizationId, keyId)
          expect(found?.sealed && box.open(found.sealed, secretContext(found)).toString()).toBe(raw)
        }
      })

    const env = {
      SALLYPORT_MASTER_KEY: Buffer.from(next.bytes).toString('base64'),
      SALLYPORT_MASTER_KEY_OLD: Buffer.from(old.bytes).toString('base64'),
    }
    const { killedAt, result } = await killUntilDone(organizationId, {
      env,
      kills: 2,
      killed: () => expectReadable(both),
    })
    expect(killedAt).toHaveLength(2)
    expect(Math.max(...killedAt)).toBeLessThan(sealedMax)
    expect(result).toEqual({ total: sealedMax, changed: sealedMax, unreadable: 0, old_keys_until: null })
    await expectReadable(after)
    expect(await inStore((store) => store.masterKeysInUse())).toEqual([next.id])
  })

  /** Kills one runner after the other in the middle of its work, and lets the last one finish it. */
  async function killUntilDone(
    organizationId: string,
    { env = {}, kills = killsMax, killed = async () => {} }: Killing = {},
  ): Promise<{ killedAt: number[]; result: unknown }> {
    const killedAt: number[] = []
    for (let left = kills; left > 0; left--) {
      await using runner = await startRunner(env, 'stand still')
      const before = killedAt.at(-1) ?? 0
      const progress = await eventually('some progress', async () => {
        const now = await progressOf(organizationId)
        return now > before && now
      })
      killedAt.push(progress)
      // Somewhere in a step, or between two.
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 20))
      await runner[Symbol.asyncDispose]()
      await killed()
    }
    await using _runner = await startRunner(env)
    const result = await eventually('the job to be completed', () => resultOf(organizationId), {
      withinMs: 60_000,
      everyMs: 50,
    })
    return { killedAt, result }
  }

  async function startRunner(env: Readonly<Record<string, string>>, ...more: string[]): Promise<AsyncDisposable> {
    const child = spawn(process.execPath, [runner, storeFile, join(folder, 'gateway.yaml'), ...more], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    })
    const exited = once(child, 'exit')
    let complaints = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaints += text
    })
    await Promise.race([once(child.stdout, 'data'), exited])
    return {
      async [Symbol.asyncDispose]() {
        child.kill('SIGKILL')
        const [, signal] = await exited
        expect([signal, complaints]).toEqual(['SIGKILL', ''])
      },
    }
  }

  const progressOf = (organizationId: string) =>
    inStore(async (store) => (await store.listJobs(organizationId)).rows[0]?.progress ?? 0)

  const resultOf = (organizationId: string) =>
    inStore(async (store) => {
      const [job] = (await store.listJobs(organizationId)).rows
      return job?.status === 'completed' && (await store.findJob(organizationId, job.id))?.result
    })

  async function inStore<T>(work: (store: Store) => Promise<T>): Promise<T> {
    const store = await openSqliteStore(storeFile, { clock: systemClock })
    try {
      return await work(store)
    } finally {
      await store.close()
    }
  }
})

interface Killing {
  readonly env?: Readonly<Record<string, string>>
  readonly kills?: number
  /** After each kill. */
  readonly killed?: () => Promise<void>
}

const killsMax = 5
/** Many batches of 200, so that there is a middle to be killed in. */
const sealedMax = 2000

/** The test would show nothing if the work had been done before the kills. */
function expectKilledBefore(total: number, killedAt: readonly number[]): void {
  expect(killedAt).toHaveLength(killsMax)
  expect(Math.max(...killedAt)).toBeLessThan(total)
}

async function order(store: Store, job: NewJob): Promise<void> {
  expect(await store.createJob(job, 20, testActor)).toBeDefined()
}
