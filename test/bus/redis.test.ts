import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Nudges } from '../../src/bus/nudges.ts'
import { createRedisNudges } from '../../src/bus/redis.ts'
import { connectRedis } from '../../src/redis/connect.ts'
import { eventually } from '../helpers/eventually.ts'
import { type RedisServer, startRedis } from '../helpers/redis.ts'
import { addressOf } from '../helpers/redis-limiter.ts'

let redis: RedisServer
beforeAll(async () => {
  redis = await startRedis()
})
afterAll(() => redis[Symbol.asyncDispose]())

interface Node extends Nudges {
  readonly nudges: number[]
  readonly acknowledged: [string, number][]
}

function open(node: string): Node {
  const address = addressOf(redis.url)
  const connect = () => connectRedis(address, { name: node, onError() {} })
  const nudges = createRedisNudges({ publisher: connect(), subscriber: connect(), prefix: address.prefix, node })
  const heard = { nudges: [] as number[], acknowledged: [] as [string, number][] }
  nudges.onNudge((seq) => heard.nudges.push(seq))
  nudges.onAcknowledged((from, seq) => heard.acknowledged.push([from, seq]))
  return { ...nudges, ...heard }
}

const listening = (node: Node) => eventually('the node to listen', () => node.nudges.includes(0))

describe('nudges over Redis', () => {
  it('reach every node, and acknowledgements come back with the name of the node', async () => {
    const [a, b] = [open('node-a'), open('node-b')]
    await Promise.all([listening(a), listening(b)])
    a.nudge(42)
    await eventually('the nudge', () => b.nudges.includes(42))
    b.acknowledge(42)
    await eventually('the acknowledgement', () => a.acknowledged.length > 0)
    expect(a.acknowledged).toEqual([['node-b', 42]])
    await Promise.all([a.close(), b.close()])
  })

  it('say after a lost connection that something may have been missed, and go on', async () => {
    const [a, b] = [open('node-a'), open('node-b')]
    await Promise.all([listening(a), listening(b)])
    await redis.kill()
    a.nudge(7)
    a.acknowledge(7)
    await redis.restart()
    await eventually('both to listen again', () =>
      [a, b].every(({ nudges }) => nudges.filter((seq) => seq === 0).length >= 2),
    )
    await eventually('a nudge to arrive', () => {
      a.nudge(8)
      return b.nudges.includes(8)
    })
    await Promise.all([a.close(), b.close()])
  })

  it('pass over what has another form, and tell a listener nothing more that was taken off', async () => {
    const node = open('node-a')
    await listening(node)
    const late: number[] = []
    const off = node.onNudge((seq) => late.push(seq))
    off()
    const { prefix } = addressOf(redis.url)
    for (const text of ['', 'NaN', '-1', '1e9', '5 ', '9'.repeat(400)])
      await redis.client.publish(`{${prefix}}:changes`, text)
    await redis.client.publish(`{${prefix}}:acknowledged`, '3')
    await redis.client.publish(`{${prefix}}:changes`, '99')
    await eventually('the good one', () => node.nudges.includes(99))
    expect(node.nudges).toEqual([0, 99])
    expect(node.acknowledged).toEqual([])
    expect(late).toEqual([])
    await node.close()
  })
})
