import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, it } from 'vitest'

const log = join(import.meta.dirname, '../../src/log.ts')
const linesEach = 6000

/** A program of one process of a gateway: it logs as fast as it can. */
const writer = `
import { createLog } from ${JSON.stringify(log)}
const log = createLog({ level: 'info', redact: (text) => text })
for (let line = 0; line < ${linesEach}; line++) log.info({ line, path: '/${'x'.repeat(200)}' }, 'request')
log.flush()`

/** Takes what the pipe holds at most, and lets it fill up again. */
const slowReader = `
import { readSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
const part = Buffer.alloc(3000)
await setTimeout(300)
for (;;) {
  const length = readSync(0, part)
  if (length === 0) break
  process.stdout.write(part.subarray(0, length))
  await setTimeout(0)
}`

it('processes that share a pipe write whole lines, also when whoever reads them is slow', async () => {
  // By a shell: what Node makes between processes are sockets, which behave better.
  const shell = spawn(
    'sh',
    ['-c', '("$0" -e "$1" & "$0" -e "$1" & wait) | "$0" -e "$2"', process.execPath, writer, slowReader],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, NODE_OPTIONS: '--input-type=module' },
    },
  )
  const written = text(shell.stdout)
  const [code] = await once(shell, 'exit')
  expect(code).toBe(0)
  const lines = (await written).trimEnd().split('\n')
  expect(lines.filter((line) => !isJson(line))).toEqual([])
  expect(lines).toHaveLength(2 * linesEach)
})

function isJson(line: string): boolean {
  try {
    JSON.parse(line)
    return true
  } catch {
    return false
  }
}
