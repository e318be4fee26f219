import type { RedisClient } from '../redis/connect.ts'
import type { Nudges } from './nudges.ts'

export interface RedisNudgesOptions {
  /** Connections of their own, so that limits and nudges do not wait for each other. Closed with the nudges. */
  readonly publisher: RedisClient
  readonly subscriber: RedisClient
  /** What channels begin with. */
  readonly prefix: string
  /** This node, as it is known to the others. */
  readonly node: string
}

/** Nudges by publish and subscribe. Nothing is kept for a node that is not connected: it is nudged when it is back. */
export function createRedisNudges({ publisher, subscriber, prefix, node }: RedisNudgesOptions): Nudges {
  const channels = { changes: `{${prefix}}:changes`, acknowledged: `{${prefix}}:acknowledged` }
  const onNudge = new Set<(seq: number) => void>()
  const onAcknowledged = new Set<(node: string, seq: number) => void>()

  const publish = (channel: string, message: string): void => {
    // What can't be sent now is not sent: the change log is read all the same.
    publisher.publish(channel, message).catch(() => {})
  }

  const heard = (channel: string, message: string): void => {
    const [, seqText = '', from = ''] = form.exec(message) ?? []
    if (seqText === '') return
    const seq = Number(seqText)
    if (channel === channels.changes) for (const listener of onNudge) listener(seq)
    else if (channel === channels.acknowledged && from !== '') for (const tell of onAcknowledged) tell(from, seq)
  }

  const subscribed = async (): Promise<void> => {
    try {
      await subscriber.subscribe(channels.changes, channels.acknowledged)
    } catch {
      return // The connection is gone again, and will be back.
    }
    for (const listener of onNudge) listener(0)
  }

  subscriber.on('message', heard)
  subscriber.on('ready', subscribed)
  if (subscriber.status === 'ready') void subscribed()

  return {
    nudge: (seq) => publish(channels.changes, String(seq)),
    onNudge(listener) {
      onNudge.add(listener)
      return () => onNudge.delete(listener)
    },
    acknowledge: (seq) => publish(channels.acknowledged, `${seq} ${node}`),
    onAcknowledged(listener) {
      onAcknowledged.add(listener)
      return () => onAcknowledged.delete(listener)
    },
    async close() {
      subscriber.off('message', heard)
      subscriber.off('ready', subscribed)
      publisher.disconnect()
      subscriber.disconnect()
    },
  }
}

/** Anyone who can reach Redis can publish: what has another form is nothing that a node has said. */
const form = /^(\d{1,15})(?: ([\w.:-]{1,128}))?$/
