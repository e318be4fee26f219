import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { beside } from '../child.ts'
import { type Attack, attackNames } from './attack.ts'
import { startFlooded } from './gateway.ts'
import { type Call, callSteadily } from './good-caller.ts'
import { startProgram, stopProgram } from './program.ts'

/**
 * What a caller who does nothing wrong notices while the gateway is under attack, and what the attack costs in memory and
 * file descriptors. Run with `npm run flood`; `-- --only heads,bodies` for some, `-- --before FOLDER` to take turns with
 * another checkout of this repository.
 */
const { values } = parseArgs({
  options: {
    only: { type: 'string', default: attackNames.join(',') },
    seconds: { type: 'string', default: '15' },
    sockets: { type: 'string', default: '5000' },
    keys: { type: 'string', default: '300000' },
    before: { type: 'string' },
  },
})
const attacks = values.only.split(',').filter((name): name is Attack => attackNames.some((known) => known === name))
const seconds = Number(values.seconds)
const checkouts = [
  ...(values.before ? [{ name: 'before', root: values.before }] : []),
  { name: 'now', root: beside('..') },
]

print([
  'attack',
  'of',
  'calm p50',
  'p99',
  'attacked p50',
  'p99',
  'max',
  'not 200',
  'memory',
  'peak',
  'after',
  'fds',
  'load',
])
for (const attack of attacks) {
  for (const { name, root } of checkouts) print([attack, name, ...(await measure(attack, root))])
}

async function measure(attack: Attack, root: string): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-flood-'))
  const upstream = await startProgram([beside('./flood/upstream.ts')])
  try {
    const gateway = await startFlooded(root, folder, `http://127.0.0.1:${upstream.ready}`)
    try {
      const caller = callSteadily(gateway.port, gateway.goodKey)
      await caller.during(2)
      const calm = await caller.during(Math.min(seconds, 8))
      const memory = gateway.memoryMb()
      const settings = {
        attack,
        port: gateway.port,
        key: gateway.otherKey,
        sockets: Number(values.sockets),
        keys: Number(values.keys),
      }
      const attacker = await startProgram([beside('./flood/attack.ts'), JSON.stringify(settings)])
      const ended = once(attacker.process, 'exit')
      let over = false
      void ended.then(() => {
        over = true
      })
      const attacked: Call[] = []
      // A number of wrong keys is an end of its own; the other attacks go on for as long as they are looked at.
      const untilAllSent = attack === 'keys' || attack === 'keys-of-one'
      if (!untilAllSent) attacked.push(...(await caller.during(seconds)))
      for (let second = 0; untilAllSent && !over && second < 600; second++) attacked.push(...(await caller.during(1)))
      const { peakMb, descriptors } = gateway.peaks()
      const load = loadavg()[0] ?? 0
      const told = await stopProgram(attacker)
      await caller.during(5)
      const after = gateway.memoryMb()
      caller.end()
      process.stderr.write(`${attack}: ${told}\n`)
      const failures = attacked.filter(({ status }) => status !== 200)
      return [
        ...timesOf(calm).slice(0, 2),
        ...timesOf(attacked),
        `${failures.length}/${attacked.length}${failures.length > 0 ? ` (${[...new Set(failures.map(({ status }) => status))].join(' ')})` : ''}`,
        ...[memory, peakMb, after].map((mb) => `${Math.round(mb)} MB`),
        String(descriptors),
        load.toFixed(1),
      ]
    } finally {
      await gateway.stop()
    }
  } finally {
    await stopProgram(upstream)
    await rm(folder, { recursive: true, force: true })
  }
}

/** Median, 99th percentile and the longest. */
function timesOf(calls: readonly Call[]): string[] {
  const sorted = calls.map(({ ms }) => ms).sort((one, other) => one - other)
  return [0.5, 0.99, 1].map((part) => `${(sorted[Math.ceil(sorted.length * part) - 1] ?? Number.NaN).toFixed(1)} ms`)
}

function print(row: readonly string[]): void {
  const widths = [13, 7, 10, 10, 13, 10, 10, 16, 8, 8, 8, 7, 6]
  process.stdout.write(`${row.map((text, index) => text.padEnd(widths[index] ?? 0)).join(' ')}\n`)
}
