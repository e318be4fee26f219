import { joinNodes, type Nodes, soleNode } from './bus/nodes.ts'
import type { Nudges } from './bus/nudges.ts'
import { createRedisNudges } from './bus/redis.ts'
import type { Clock } from './clock.ts'
import { parseRedisUrl } from './config/redis-url.ts'
import type { Config } from './config/schema.ts'
import type { Events } from './events.ts'
import { newId } from './ids.ts'
import { connectRedis } from './redis/connect.ts'
import type { Store } from './store/store.ts'

/** The nodes that share a store, and how they tell each other of changes before they would find them by themselves. */
export interface Neighbours extends AsyncDisposable {
  readonly nodes: Nodes
  /** The change log has grown to this sequence number. */
  nudge(seq: number): void
  /** @param listener called when it may have grown by another node's hand. */
  onNudge(listener: () => void): void
}

export interface OpenNodesOptions {
  readonly config: Pick<Config, 'redis'>
  readonly store: Store
  readonly clock: Clock
  readonly events: Pick<Events, 'fault'>
}

/** For a store that nodes share: by Redis where there is one, and by the store itself where it can tell. */
export function openNodes({ config, store, clock, events }: OpenNodesOptions): Neighbours {
  const { watchChanges } = store
  // A file is one node's own.
  if (watchChanges === undefined) {
    return { nodes: soleNode, nudge() {}, onNudge() {}, async [Symbol.asyncDispose]() {} }
  }
  const id = newId('node', clock.now())
  const nudges = config.redis === '' ? undefined : openNudges(config.redis, id)
  const nodes = joinNodes({ id, store, clock, events, ...(nudges && { nudges }) })
  const ends: (() => void)[] = []
  return {
    nodes,
    nudge: (seq) => nudges?.nudge(seq),
    onNudge(listener) {
      ends.push(watchChanges(listener))
      if (nudges) ends.push(nudges.onNudge(listener))
    },
    async [Symbol.asyncDispose]() {
      for (const end of ends) end()
      await nodes.close()
      await nudges?.close()
    },
  }
}

function openNudges(url: string, node: string): Nudges {
  const address = parseRedisUrl(url)
  if (typeof address === 'string') throw new Error(`redis: ${address}`)
  const onError = (): void => {}
  return createRedisNudges({
    publisher: connectRedis(address, { name: 'sallyport-nudges', onError }),
    subscriber: connectRedis(address, { name: 'sallyport-nudged', onError }),
    ...{ prefix: address.prefix, node },
  })
}
