import { renameSync, writeFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { isMainThread } from 'node:worker_threads'

/**
 * Loaded into each process of a soak before the program (`--import`): on SIGWINCH, which nothing else uses, it collects all
 * garbage and writes what is left to a file of its own in the folder `SOAK_MEMORY`.
 */
const folder = process.env.SOAK_MEMORY
if (folder !== undefined && isMainThread) {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  let count = 0
  process.on('SIGWINCH', () => {
    // What the first one frees may let go of more, outside of the heap.
    collect()
    setImmediate(() => {
      collect()
      const { heapUsed, external, rss } = process.memoryUsage()
      const file = `${folder}/${process.pid}`
      writeFileSync(
        `${file}.part`,
        JSON.stringify({ count: ++count, usedMb: (heapUsed + external) / 2 ** 20, rssMb: rss / 2 ** 20 }),
      )
      renameSync(`${file}.part`, `${file}.json`)
    })
  })
}
