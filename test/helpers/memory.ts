import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/**
 * Runs something while it samples how many bytes of buffers are really held, garbage collected first.
 * @returns the highest sample above the one before the start.
 */
export async function peakOfBuffers(run: () => Promise<void>): Promise<number> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const held = () => {
    collect()
    return process.memoryUsage().arrayBuffers
  }
  const before = held()
  let peak = before
  const timer = setInterval(() => {
    peak = Math.max(peak, held())
  }, 50)
  try {
    await run()
  } finally {
    clearInterval(timer)
  }
  return Math.max(peak, held()) - before
}
