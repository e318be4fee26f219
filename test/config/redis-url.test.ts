import { describe, expect, it } from 'vitest'
import { parseRedisUrl, resolveRedisFiles } from '../../src/config/redis-url.ts'

const plain = {
  ...{ kind: 'single', hosts: [{ host: 'cache', port: 6379 }], name: '', username: undefined, password: undefined },
  ...{ sentinelPassword: undefined, db: 0, tls: false, ca: undefined, prefix: 'sallyport' },
}

describe('a Redis URL', () => {
  it.each([
    ['redis://cache', plain],
    ['redis://cache:6380/3', { ...plain, hosts: [{ host: 'cache', port: 6380 }], db: 3 }],
    ['redis://:p%40ss@cache', { ...plain, password: 'p@ss' }],
    [
      'rediss://me:secret@[::1]:6390',
      { ...plain, hosts: [{ host: '::1', port: 6390 }], username: 'me', password: 'secret', tls: true },
    ],
    ['rediss://cache?ca=ca.pem&prefix=eu', { ...plain, tls: true, ca: 'ca.pem', prefix: 'eu' }],
    [
      'redis+sentinel://:secret@a,b:26380/main/2?sentinel_password=other',
      {
        ...{
          ...plain,
          kind: 'sentinel',
          hosts: [
            { host: 'a', port: 26379 },
            { host: 'b', port: 26380 },
          ],
        },
        ...{ name: 'main', db: 2, password: 'secret', sentinelPassword: 'other' },
      },
    ],
    [
      'rediss+cluster://a,b:7000',
      {
        ...plain,
        kind: 'cluster',
        hosts: [
          { host: 'a', port: 6379 },
          { host: 'b', port: 7000 },
        ],
        tls: true,
      },
    ],
    ['redis+unix:///run/redis.sock?db=1', { ...plain, kind: 'socket', hosts: [], name: '/run/redis.sock', db: 1 }],
  ])('%s is understood', (url, address) => {
    expect(parseRedisUrl(url)).toEqual(address)
  })

  it.each([
    'cache:6379',
    'http://cache',
    'redis://',
    'redis://a,b c',
    'redis://cache:99999',
    'redis://cache/zero',
    'redis://cache/0/1',
    'redis://cache?tls=yes',
    'redis://cache?prefix={x}',
    'redis+sentinel://a,b',
    'redis+unix://',
    'redis://%E0%A4%A@cache',
  ])('%s is refused with a sentence that goes on from it', (url) => {
    expect(parseRedisUrl(url)).toMatch(/^(is not|has|lacks) /)
  })

  it('names files from the folder of gateway.yaml', () => {
    const resolved = resolveRedisFiles('rediss://c?prefix=a&ca=certs/my%20ca.pem', (file) => `/etc/${file}`)
    expect(parseRedisUrl(resolved)).toMatchObject({ ca: '/etc/certs/my ca.pem', prefix: 'a' })
  })
})

it('takes one of several servers only where they belong together', () => {
  expect(parseRedisUrl('redis://a,b')).toMatch(/^is not/)
})
