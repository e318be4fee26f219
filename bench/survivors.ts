import { mkdtemp, open, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runLoad } from './load.ts'
import { inspectMachine } from './machine.ts'
import { startSallyport } from './sallyport.ts'
import { spread } from './summary.ts'
import { startUpstream } from './upstream.ts'

/**
 * `node bench/survivors.ts [SECONDS] [V8 OPTION…]`: how much of what requests make outlives a collection of the young
 * generation, by the collector's own account, which hardly depends on what else the machine does. What a request makes is dead when it is
 * answered: a few per cent are well, and a tenth is the sign of something that keeps dead objects (docs/decisions/0004).
 */
const [seconds = '20', ...v8Options] = process.argv.slice(2)

const machine = inspectMachine()
const folder = await mkdtemp(join(tmpdir(), 'sallyport-survivors-'))
await using stack = new AsyncDisposableStack()
stack.defer(() => rm(folder, { recursive: true, force: true }))
const traced = await open(join(folder, 'collector.log'), 'a')
stack.defer(() => traced.close())
const upstream = stack.use(await startUpstream(machine, folder))
const sallyport = stack.use(
  await startSallyport(
    { machine, upstreamOrigin: upstream.origin, folder },
    { nodeArguments: ['--trace-gc', '--trace-gc-nvp', ...v8Options], output: traced.fd },
  ),
)
const result = await Promise.race([runLoad(sallyport.target, Number(seconds), 64, machine), sallyport.died])
if (result.failures.length > 0) throw new Error(result.failures.join('; '))

const shares = survivorsOf(await readFile(join(folder, 'collector.log'), 'latin1'))
console.log(`${result.requests} requests in ${seconds} s; per cent that outlived each collection of the main thread:`)
console.log(shares.map((share) => share.toFixed(0)).join(' '))
const late = spread(shares.slice(Math.floor(shares.length / 2)))
console.log(`median of the later half: ${late.median.toFixed(1)} %`)

/** In per cent, of the scavenges of the thread with the most of them: copied once more and moved to the old generation. */
function survivorsOf(text: string): number[] {
  const byThread = new Map<string, number[]>()
  for (const line of text.split('\n')) {
    if (!line.includes(' gc=s ')) continue
    const number = (name: string): number => Number(new RegExp(` ${name}=([\\d.]+)`).exec(line)?.[1])
    const thread = line.slice(0, line.indexOf(']'))
    const share = (100 * (number('new_space_survived') + number('promoted'))) / number('allocated')
    byThread.set(thread, [...(byThread.get(thread) ?? []), share])
  }
  return [...byThread.values()].reduce((most, shares) => (shares.length > most.length ? shares : most), [])
}
