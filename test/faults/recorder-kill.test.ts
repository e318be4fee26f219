import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import type { LastWords } from './recorder-writer.ts'

const writer = fileURLToPath(new URL('./recorder-writer.ts', import.meta.url))

describe('a gateway killed with SIGKILL', () => {
  it.each([1, 2, 3])('has lost at most the last 200 ms of its request log (%d)', async () => {
    const { rows, lagMs, writingMs, stored } = await endedWriter('async')
    // 100 ms of it are for the store. What it took beyond that, and what the machine held the process up, is not the
    // recorder's to promise; on an idle machine both are nothing.
    const riskMs = 200 + lagMs + Math.max(writingMs - 100, 0)
    const lost = rows.filter(({ id }) => !stored.has(id))
    expect(lost.filter(({ ageMs }) => ageMs > riskMs)).toEqual([])
    expect(rows.filter(({ ageMs }) => ageMs > riskMs).length).toBeGreaterThan(100)
  })

  it('has lost no row that was admitted (durability: strict)', async () => {
    const { rows, stored } = await endedWriter('strict')
    expect(rows.length).toBeGreaterThan(100)
    expect(rows.filter(({ id }) => !stored.has(id))).toEqual([])
  })
})

/** Lets the writer run until it ends itself, and looks at what it said last and what the store has. */
async function endedWriter(mode: 'async' | 'strict'): Promise<LastWords & { readonly stored: ReadonlySet<string> }> {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-recorder-kill-'))
  try {
    const file = join(folder, 'test.db')
    const child = spawn(process.execPath, [writer, file, mode], { stdio: ['ignore', 'pipe', 'inherit'] })
    let printed = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      printed += text
    })
    const [, signal] = await once(child, 'close')
    expect(signal).toBe('SIGKILL')
    using database = new DatabaseSync(file)
    const rows = database.prepare('select id from request_log').all()
    return { ...(JSON.parse(printed) as LastWords), stored: new Set(rows.map(({ id }) => String(id))) }
  } finally {
    rmSync(folder, { recursive: true })
  }
}
