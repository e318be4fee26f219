import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const writer = fileURLToPath(new URL('./recorder-writer.ts', import.meta.url))

describe('a gateway killed with SIGKILL', () => {
  // The bound is one of time: on a machine that is busy elsewhere a run may miss it, all of them do not.
  it('has lost at most the last 200 ms of its request log', { retry: 3 }, async () => {
    const { recorded, killedAt, stored } = await killedWriter('async')
    const old = recorded.filter(({ at }) => at < killedAt - 200)
    expect(old.length).toBeGreaterThan(50)
    expect(old.filter(({ id }) => !stored.has(id))).toEqual([])
  })

  it('has lost no row that was admitted (durability: strict)', async () => {
    const { recorded, stored } = await killedWriter('strict')
    expect(recorded.length).toBeGreaterThan(50)
    expect(recorded.filter(({ id }) => !stored.has(id))).toEqual([])
  })
})

/** Lets the writer run for a while, kills it, and looks at what it printed and what the store has. */
async function killedWriter(mode: 'async' | 'strict') {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-recorder-kill-'))
  try {
    const file = join(folder, 'test.db')
    const child = spawn(process.execPath, [writer, file, mode], { stdio: ['ignore', 'pipe', 'inherit'] })
    let printed = ''
    let killedAt = 0
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      printed += text
      if (killedAt > 0 || printed.split('\n').length < 300) return
      killedAt = Date.now()
      child.kill('SIGKILL')
    })
    await once(child, 'close')
    const lines = printed.split('\n').slice(0, -1)
    const recorded = lines.map((line) => ({ id: line.split(' ')[0] ?? '', at: Number(line.split(' ')[1]) }))
    using database = new DatabaseSync(file)
    const rows = database.prepare('select id from request_log').all()
    return { recorded, killedAt, stored: new Set(rows.map(({ id }) => String(id))) }
  } finally {
    rmSync(folder, { recursive: true })
  }
}
