import { z } from 'zod'
import type { Reencrypted, ReencryptOptions } from '../keys/reencrypt.ts'
import { JobFailed, type JobHandler, jobHandler } from './handler.ts'

const checkpoint = z.object({ total: z.number(), changed: z.number(), unreadable: z.number() })

/**
 * Encrypts every secret of the instance again, with the present master key. It needs no place to go on from: what is left
 * is what has another master key.
 */
export const secretRotation = (reencrypt: (options: ReencryptOptions) => Promise<Reencrypted>): JobHandler =>
  jobHandler({
    params: z.object({}),
    checkpoint,
    start: { total: 0, changed: 0, unreadable: 0 },
    async run({ checkpoint: before, signal, step }) {
      const save = (done: number, left: number, unreadable: number) => {
        const total = before.changed + left
        const changed = before.changed + done - unreadable
        return step([], () => ({ progress: before.changed + done, total, checkpoint: { total, changed, unreadable } }))
      }
      const { total, changed, unreadable } = await reencrypt({
        signal,
        onProgress: ({ done, total }) => save(done, total, 0),
      })
      await save(changed + unreadable.length, Math.max(total, changed + unreadable.length), unreadable.length)
      if (unreadable.length > 0) {
        throw new JobFailed(
          `${unreadable.length} secrets are encrypted with master keys that are not here. Add those keys to SALLYPORT_MASTER_KEY_OLD, restart, and start this job again.`,
        )
      }
    },
    result: (counts) => counts,
  })
