import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { openSqliteStore } from '../../src/store/sqlite.ts'
import type { Store } from '../../src/store/store.ts'

const rounds = 20
const writer = fileURLToPath(new URL('./kill-nine-writer.ts', import.meta.url))

describe('a process killed with SIGKILL while it writes', () => {
  let folder: string
  let file: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sallyport-kill-'))
    file = join(folder, 'store.db')
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  it('loses nothing that was acknowledged, and the store opens again within 2 s', { timeout: 120_000 }, async () => {
    const acknowledged: string[] = []
    for (let round = 0; round < rounds; round++) {
      acknowledged.push(...(await writeUntilKilled(file, round, Math.random() * 150)))
      const startedAt = performance.now()
      const store = await openSqliteStore(file, { clock: systemClock })
      expect(performance.now() - startedAt).toBeLessThan(2000)
      try {
        // All rounds so far: a recovery must not lose what an earlier one has saved.
        await expectAll(store, file, acknowledged)
      } finally {
        await store.close()
      }
    }
    const kinds = Map.groupBy(acknowledged, (line) => line.split(' ')[0])
    for (const kind of ['organization', 'key', 'revoked', 'requests']) {
      expect(kinds.get(kind)?.length, kind).toBeGreaterThan(rounds)
    }
  })
})

/** @returns the whole lines that the writer printed; the last one may be cut off and then counts for nothing. */
async function writeUntilKilled(file: string, round: number, killAfterMs: number): Promise<string[]> {
  const child = spawn(process.execPath, [writer, file, `run-${round}`], { stdio: ['ignore', 'pipe', 'pipe'] })
  let printed = ''
  let complaints = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    // The random moment is one of its writing, not of its start.
    if (printed === '') setTimeout(() => child.kill('SIGKILL'), killAfterMs)
    printed += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints += text
  })
  const [, signal] = await once(child, 'close')
  expect(signal, complaints).toBe('SIGKILL')
  return printed.split('\n').slice(0, -1)
}

async function expectAll(store: Store, file: string, lines: readonly string[]): Promise<void> {
  const database = new DatabaseSync(file, { readOnly: true })
  const count = database.prepare('select count(*) as n from request_log where id in (select value from json_each(?))')
  const organization = database.prepare('select status from organizations where id = ?')
  try {
    for (const line of lines) {
      const [kind, ...ids] = line.split(' ')
      const [organizationId = '', keyId = '', sha256 = ''] = ids
      if (kind === 'organization') expect(organization.get(organizationId), line).toEqual({ status: 'active' })
      if (kind === 'requests') expect(count.get(JSON.stringify(ids)), line).toEqual({ n: ids.length })
      if (kind !== 'key' && kind !== 'revoked') continue
      const record = await store.findKeyByHash(Buffer.from(sha256, 'hex'))
      expect(record, line).toMatchObject({ keyId, organization: { id: organizationId } })
      if (kind === 'revoked') expect(record?.revokedAt, line).not.toBeNull()
    }
    expect(database.prepare('pragma integrity_check').get()).toEqual({ integrity_check: 'ok' })
  } finally {
    database.close()
  }
}
