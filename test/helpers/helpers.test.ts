import { describe, expect, it } from 'vitest'
import { eventually } from './eventually.ts'
import { connectRaw } from './raw-client.ts'
import { framingOf, takeBody, takeHead } from './raw-message.ts'
import { plainResponse, startRawUpstream } from './raw-upstream.ts'

describe('the raw client and the raw upstream', () => {
  it('carry pipelined requests and their responses byte for byte', async () => {
    await using upstream = await startRawUpstream()
    using client = await connectRaw(upstream.url)
    const first = 'POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc'
    const second = 'PUT /b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ndef\r\n0\r\nX-T: 1\r\n\r\n'
    await client.send(first + second)
    expect((await client.response()).text()).toBe('ok')
    expect((await client.response()).text()).toBe('ok')
    expect(upstream.requests.map(({ method, target, content }) => [method, target, String(content)])).toEqual([
      ['POST', '/a', 'abc'],
      ['PUT', '/b', 'def'],
    ])
    expect(upstream.last().trailers).toEqual([['X-T', '1']])
    expect(upstream.connections[0]?.bytes().toString('latin1')).toBe(first + second)
  })

  it('tell an orderly end from a reset, and never take an aborted body for a whole one', async () => {
    await using upstream = await startRawUpstream()
    using orderly = await connectRaw(upstream.url)
    upstream.respond(({ send, end }) => {
      send(plainResponse())
      end()
    })
    await orderly.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    expect((await orderly.response()).status).toBe(200)
    expect(await orderly.closed()).toBe('end')

    using aborted = await connectRaw(upstream.url)
    upstream.respond(({ send, end }) => {
      send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n')
      end()
    })
    await aborted.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    await expect(aborted.response()).rejects.toThrow('the connection closed (end) before the whole body')

    using torn = await connectRaw(upstream.url)
    upstream.respond(({ reset }) => reset())
    await torn.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    expect(await torn.closed()).toBe('reset')
  })

  it.each([
    ['two framings', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n'],
    ['a folded field', 'HTTP/1.1 200 OK\r\nX: 1\r\n 2\r\n\r\n'],
    ['a space before the colon', 'HTTP/1.1 200 OK\r\nX : 1\r\n\r\n'],
    ['a bare line feed', 'HTTP/1.1 200 OK\r\nX: 1\nY: 2\r\n\r\n'],
  ])('refuse a head with %s', (_what, bytes) => {
    expect(() => framingOf(takeHead(Buffer.from(bytes))?.headers ?? [], 'close')).toThrow()
  })

  it.each(['3\r\nabcd\r\n0\r\n\r\n', '0x3\r\nabc\r\n0\r\n\r\n', '-1\r\n', '3;x=y\r\nabc\r\n0\r\n\r\n'])(
    'refuse the chunked body %j',
    (bytes) => {
      expect(() => takeBody(Buffer.from(bytes), { kind: 'chunked' }, false)).toThrow()
    },
  )
})

describe('eventually', () => {
  it('says what never came, and why the last try failed', async () => {
    const never = eventually('the moon', () => Promise.reject(new Error('no moon')), { withinMs: 20 })
    await expect(never).rejects.toMatchObject({ message: 'not within 20 ms: the moon', cause: { message: 'no moon' } })
  })
})
