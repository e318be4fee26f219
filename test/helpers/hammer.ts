import { connectRaw, type RawClient } from './raw-client.ts'

export interface HammerOptions {
  readonly url: string
  readonly path: string
  /** Raw keys that take turns. */
  readonly keys: readonly string[]
  readonly clients: number
}

export interface Hammered {
  readonly raw: string
  readonly status: number
  /** Whether it was sent after `mark`. */
  readonly late: boolean
}

/** Clients that send one request after the other, each on a connection that is kept alive, until they are stopped. */
export interface Hammer {
  readonly answers: readonly Hammered[]
  /** From here on requests are late. Those on their way are not. */
  mark(): void
  /** Resolves when the last answer is in. @throws what a client has thrown. */
  stop(): Promise<void>
}

export function startHammer({ url, path, keys, clients }: HammerOptions): Hammer {
  const { host } = new URL(url)
  const heads = keys.map((raw) =>
    Buffer.from(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${raw}\r\n\r\n`, 'latin1'),
  )
  const answers: Hammered[] = []
  let marked = false
  let stopped = false

  const run = async (first: number): Promise<void> => {
    let client: RawClient | undefined
    for (let turn = first; !stopped; turn++) {
      client = client?.isOpen ? client : await connectRaw(url)
      const at = turn % keys.length
      // Read in the same breath as the bytes go out: what is sent before an answer is in is not late.
      const late = marked
      const sent = client.send(heads[at] ?? '')
      const { status } = await client.response()
      await sent
      answers.push({ raw: keys[at] ?? '', status, late })
    }
    client?.[Symbol.dispose]()
  }
  const running = Promise.all(Array.from({ length: clients }, (_, index) => run(index)))
  // Told by stop(), where somebody listens.
  running.catch(() => undefined)
  return {
    answers,
    mark() {
      marked = true
    },
    async stop() {
      stopped = true
      await running
    },
  }
}
