import { z } from 'zod'
import type { Reencrypted, ReencryptOptions } from '../keys/reencrypt.ts'
import { JobFailed, type JobHandler, jobHandler } from './handler.ts'

const checkpoint = z.object({
  total: z.number(),
  changed: z.number(),
  unreadable: z.number(),
  /** When the answers under old master keys end; null when there are none, and until the job has got so far. */
  old_keys_until: z.string().nullable().default(null),
})

/**
 * Encrypts every secret of the instance again, with the present master key, and says until when old ones are still needed
 * for what it can't encrypt. It needs no place to go on from: what is left
 * is what has another master key.
 */
export const secretRotation = (reencrypt: (options: ReencryptOptions) => Promise<Reencrypted>): JobHandler =>
  jobHandler({
    params: z.object({}),
    checkpoint,
    start: { total: 0, changed: 0, unreadable: 0, old_keys_until: null },
    async run({ checkpoint: before, signal, step }) {
      const save = (done: number, left: number, unreadable = 0, until: number | null = null) => {
        // Of a batch that was written and not counted, because of a kill in between, this is what tells.
        const total = Math.max(before.total, left)
        const progress = total - left + done
        const changed = progress - unreadable
        const old_keys_until = until === null ? null : new Date(until).toISOString()
        const checkpoint = { total, changed, unreadable, old_keys_until }
        return step([], () => ({ progress, total, checkpoint }))
      }
      // Before the first batch is written: a step asks whether the job may go on.
      await step([], () => ({ progress: before.changed + before.unreadable, checkpoint: before }))
      const { total, changed, unreadable, oldKeysUntil } = await reencrypt({
        signal,
        onProgress: ({ done, total }) => save(done, total),
      })
      const done = changed + unreadable.length
      await save(done, Math.max(total, done), unreadable.length, oldKeysUntil)
      if (unreadable.length > 0) {
        throw new JobFailed(
          `${unreadable.length} secrets are encrypted with master keys that are not here. Add those keys to SALLYPORT_MASTER_KEY_OLD, restart, and start this job again.`,
        )
      }
    },
    result: (counts) => counts,
  })
