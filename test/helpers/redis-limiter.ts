import { once } from 'node:events'
import { parseRedisUrl, type RedisAddress } from '../../src/config/redis-url.ts'
import { createRedisLimiter, type RedisLimiter } from '../../src/limiter/redis.ts'
import { connectRedis, type RedisClient } from '../../src/redis/connect.ts'
import { newPrefix, type RedisServer } from './redis.ts'

/** One Redis and the nodes that count on it. */
export interface SharedCounters<Server = RedisServer> extends AsyncDisposable {
  readonly redis: Server
  /** Of the nodes that are opened next. */
  readonly prefix: string
  /** Counters that nobody has used yet, by a new prefix. */
  renew(): void
  /** A limiter with connections of its own, connected. */
  node(changed?: { prefix?: string; recallMs?: number }): Promise<RedisLimiter>
  connected(node: RedisLimiter): boolean
  /** Ends the connections of a node without a word, as when its machine dies. */
  cutOff(node: RedisLimiter): void
  /** Lets time pass for all counters: moves the ends of their windows, as the server's clock would have. */
  advance(ms: number): Promise<void>
}

export async function shareCounters<Server extends Pick<RedisServer, 'url' | 'client'> & AsyncDisposable>(
  redis: Server,
): Promise<SharedCounters<Server>> {
  const address = addressOf(redis.url)
  let current = address.prefix
  const clients = new Map<RedisLimiter, readonly RedisClient[]>()
  return {
    redis,
    get prefix() {
      return current
    },
    renew() {
      current = newPrefix()
    },
    async node({ prefix = current, recallMs = 100 } = {}) {
      const [commands, subscriber] = await Promise.all([
        connected(address, 'commands'),
        connected(address, 'subscriber'),
      ])
      const limiter = createRedisLimiter({ commands, subscriber, prefix, recallMs })
      clients.set(limiter, [commands, subscriber])
      return limiter
    },
    connected: (node) => clients.get(node)?.every(({ status }) => status === 'ready') === true,
    cutOff(node) {
      for (const client of clients.get(node) ?? []) client.disconnect()
    },
    async advance(ms) {
      await redis.client.eval(moveOn, 0, `{${current}}:limit:*`, String(ms))
    },
    async [Symbol.asyncDispose]() {
      for (const client of [...clients.values()].flat()) client.disconnect()
      await redis[Symbol.asyncDispose]()
    },
  }
}

/** A limiter that is on its way to a connection, or not. */
export function unconnected(url: string): RedisLimiter {
  const address = addressOf(url)
  return createRedisLimiter({
    commands: connectRedis(address, { name: 'commands', onError() {} }),
    subscriber: connectRedis(address, { name: 'subscriber', onError() {} }),
    prefix: address.prefix,
  })
}

export function addressOf(url: string): RedisAddress {
  const address = parseRedisUrl(url)
  if (typeof address === 'string') throw new Error(`${url} ${address}`)
  return address
}

async function connected(address: RedisAddress, name: string): Promise<RedisClient> {
  const client = connectRedis(address, { name, onError() {} })
  await once(client, 'ready')
  return client
}

const moveOn = `
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
for _, key in ipairs(redis.call('KEYS', ARGV[1])) do
  local h = redis.call('HMGET', key, 'e', 'r')
  local e, r = tonumber(h[1]) - ARGV[2], tonumber(h[2]) - ARGV[2]
  if e <= now then
    redis.call('DEL', key)
  else
    redis.call('HSET', key, 'e', string.format('%.0f', e), 'r', string.format('%.0f', r))
    redis.call('PEXPIREAT', key, string.format('%.0f', e))
  end
end
`
