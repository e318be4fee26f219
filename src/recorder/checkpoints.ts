import { appendFile, readFile } from 'node:fs/promises'
import type { Config } from '../config/schema.ts'
import type { Events } from '../events.ts'
import type { SecretBox } from '../keys/secret-box.ts'
import type { Store } from '../store/store.ts'
import type { Checkpoint } from '../store/verify-events.ts'

/** Where they are: as configured, or next to the file of the store. */
export const checkpointFile = ({ audit, store }: Pick<Config, 'audit' | 'store'>): string =>
  audit.checkpoints.file ?? `${store.slice('sqlite:'.length)}.checkpoints`

/** One line of the file, JSON: how far the audit trail had come, and a seal that only the master key can make. */
interface Line extends Checkpoint {
  readonly at: string
  readonly seal: string
}

export interface Checkpoints {
  /** Writes one when the trail has grown since the last. */
  write(): Promise<void>
  close(): Promise<void>
}

export interface CheckpointOptions {
  readonly file: string
  readonly everyMs: number
  readonly store: Pick<Store, 'lastEvent'>
  readonly box: SecretBox
  readonly events: Pick<Events, 'fault'>
}

/**
 * Writes signed checkpoints of the audit trail to a file, now and then and at the end: whoever cuts off the end of the
 * trail would have to take them back as well. Keep a copy of the file where the gateway can't change it.
 */
export function startCheckpoints({ file, everyMs, store, box, events }: CheckpointOptions): Checkpoints {
  let written: number | undefined
  let writing: Promise<void> = Promise.resolve()

  const append = async (): Promise<void> => {
    written ??= (await readCheckpoint(file, box))?.seq ?? 0
    const last = await store.lastEvent()
    // A trail that is shorter than it was gets no new mark, which would only hide that.
    if (last === undefined || last.seq <= written) return
    const at = new Date().toISOString()
    const line: Line = {
      ...last,
      at,
      seal: sealer(box)
        .seal(nothing, statement({ ...last, at }))
        .toString('base64url'),
    }
    await appendFile(file, `${JSON.stringify(line)}\n`, { mode: 0o600 })
    written = last.seq
  }
  const write = (): Promise<void> => {
    writing = writing.then(append).catch((error: unknown) => events.fault('checkpoints', error))
    return writing
  }

  const timer = setInterval(() => void write(), everyMs).unref()
  return {
    write,
    async close() {
      clearInterval(timer)
      await write()
    },
  }
}

/**
 * The checkpoint of a file that is furthest on; undefined when there is no file.
 * @throws when a line is not what the gateway has written: then the file itself was changed.
 */
export async function readCheckpoint(file: string, box: SecretBox): Promise<Checkpoint | undefined> {
  const content = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
  let furthest: Checkpoint | undefined
  for (const text of lines(content)) {
    const { seq, hash, at, seal }: Line = JSON.parse(text)
    sealer(box).open(Buffer.from(seal, 'base64url'), statement({ seq, hash, at }))
    if (furthest === undefined || seq > furthest.seq) furthest = { seq, hash }
  }
  return furthest
}

const lines = (content: string): string[] => content.split('\n').filter((line) => line !== '')

const nothing = new Uint8Array(0)
const sealer = (box: SecretBox): SecretBox => box.derive('audit checkpoints', '')
const statement = ({ seq, hash, at }: Omit<Line, 'seal'>): string => `audit-checkpoint/${seq}/${hash}/${at}`
