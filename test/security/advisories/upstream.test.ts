import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { eventually } from '../../helpers/eventually.ts'
import { startWatched, type Watched } from '../../helpers/oracles.ts'
import { expectProblem } from '../../helpers/problem.ts'
import { plainResponse } from '../../helpers/raw-upstream.ts'

let watched: Watched

beforeAll(async () => {
  watched = await startWatched('  - { path: /open/*, upstream: api, public: true }')
})
afterAll(() => watched[Symbol.asyncDispose]())
beforeEach(() => watched.upstream.respond(plainResponse()))

const get = (fields = ''): string => `GET /open/x HTTP/1.1\r\n{host}\r\n${fields}\r\n`
const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\n'

it('a response whose length can be read in two ways is 502, and its connection is not used again', async () => {
  for (const fields of [
    'Content-Length: 2\r\nContent-Length: 2',
    'Content-Length: 2\r\ncontent-length: 20',
    'Content-Length: 2, 2',
    'Content-Length: +2',
    'Content-Length: 2\r\nTransfer-Encoding: chunked',
    'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked',
    'Transfer-Encoding: gzip, chunked',
    'Transfer-Encoding: identity\r\nContent-Length: 2',
    'Content-Length: 18446744073709551618',
  ]) {
    watched.upstream.respond(`HTTP/1.1 200 OK\r\n${fields}\r\n\r\nok`)
    const outcome = await watched.attempt(get())
    const { requests } = await watched.verify(outcome)
    expect({ fields, statuses: outcome.responses.map(({ status }) => status) }).toEqual({ fields, statuses: [502] })
    for (const response of outcome.responses) expectProblem(response, 502, 'UPSTREAM_PROTOCOL_ERROR')
    await eventually('its end', () => requests.every(({ connection }) => connection.isClosed))
  }
})

it('what an upstream sends behind its response is given to nobody', async () => {
  const forged = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged'
  for (const behind of [forged, `\r\n${forged}`, 'x', forged.repeat(20)]) {
    watched.upstream.respond(plainResponse('first') + behind)
    const first = await watched.attempt(get())
    watched.upstream.respond(plainResponse('second'))
    const others = await Promise.all(Array.from({ length: 5 }, () => watched.attempt(get())))
    await watched.verify(first, ...others)
    expect(first.responses.map((response) => response.text())).toEqual(['first'])
    for (const { responses } of others) expect(responses.map((response) => response.text())).toEqual(['second'])
  }
})

it('a response that nobody has asked for ends the idle connection that it comes on', async () => {
  const first = await watched.attempt(get())
  const { requests } = await watched.verify(first)
  for (const connection of watched.upstream.connections) {
    if (!connection.isClosed) connection.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged')
  }
  await eventually('its end', () => requests.every(({ connection }) => connection.isClosed))
  watched.upstream.respond(plainResponse('second'))
  const next = await watched.attempt(get())
  await watched.verify(next)
  expect(next.responses.map((response) => response.text())).toEqual(['second'])
})

it('an upgrade that is answered with something other than 101 is no tunnel', async () => {
  for (const status of ['200 OK', '204 No Content', '426 Upgrade Required', '302 Found']) {
    const length = status.startsWith('204') ? '' : 'Content-Length: 2\r\n'
    watched.upstream.respond(({ send }) => send(`HTTP/1.1 ${status}\r\n${upgrade}${length}\r\n${length ? 'ok' : ''}`))
    // What would be the first bytes in the tunnel is a whole request here.
    const outcome = await watched.attempt(`${get(upgrade)}${get().replace('/open/x', '/open/hidden')}`, { toEnd: true })
    const { requests } = await watched.verify(outcome)
    expect(outcome.responses.map((response) => response.status)).toEqual([Number(status.slice(0, 3))])
    expect(requests.map(({ target }) => target)).toEqual(['/open/x'])
    expect(outcome.responses[0]?.header('upgrade')).toBeUndefined()
  }
})

it('101 that nobody asked for is 502', async () => {
  for (const head of [
    'HTTP/1.1 101 Switching Protocols\r\n\r\n',
    `HTTP/1.1 101 Switching Protocols\r\n${upgrade}\r\n`,
  ]) {
    watched.upstream.respond(`${head}${plainResponse()}`)
    const outcome = await watched.attempt(get())
    await watched.verify(outcome)
    expect(outcome.responses.map(({ status }) => status)).toEqual([502])
  }
})

it('101 to a protocol that was not asked for is 502, and what is behind it reaches nobody', async () => {
  for (const [asked, answered] of [
    ['websocket', 'h2c'],
    ['websocket', 'websocket, h2c'],
    ['websocket', 'h2c\r\nUpgrade: websocket'],
    ['websocket', 'web socket'],
    ['websocket', ''],
    ['websocket', ','],
    ['x/1', 'x/2'],
    ['a, b', 'a, b, c'],
  ]) {
    watched.upstream.respond(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${answered}\r\n\r\nforged`,
    )
    const outcome = await watched.attempt(get(`Connection: Upgrade\r\nUpgrade: ${asked}\r\n`))
    const { requests } = await watched.verify(outcome)
    const statuses = outcome.responses.map(({ status }) => status)
    expect({ asked, answered, statuses }).toEqual({ asked, answered, statuses: [502] })
    for (const response of outcome.responses) expectProblem(response, 502, 'UPSTREAM_PROTOCOL_ERROR')
    expect(outcome.received().includes('forged')).toBe(false)
    await eventually('its end', () => requests.every(({ connection }) => connection.isClosed))
  }
  for (const [asked, answered] of [
    ['websocket', 'WebSocket'],
    ['a/1, B', 'b'],
    ['a, b', 'b,a'],
  ]) {
    watched.upstream.respond(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${answered}\r\n\r\n`)
    const outcome = await watched.attempt(get(`Connection: Upgrade\r\nUpgrade: ${asked}\r\n`))
    expect([answered, outcome.responses[0]?.status]).toEqual([answered, 101])
    outcome.client.reset()
    await watched.verify(outcome)
  }
})

it('what a tunnel carries is read by nobody on the way', async () => {
  // A length of 2^63 in 64 bits, a deflated frame, a fragment without an end, and none of it is a frame to us.
  const frames = Buffer.concat([
    Buffer.from([0x82, 0x7f, 0x80, 0, 0, 0, 0, 0, 0, 0]),
    Buffer.from([0xc1, 0x05, 0xff, 0xff, 0xff, 0xff, 0xff]),
    Buffer.alloc(2000, 0x00),
  ])
  const extensions = 'Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=1000\r\n'
  watched.upstream.respond(({ send }) => {
    send(`HTTP/1.1 101 Switching Protocols\r\n${upgrade}${extensions}\r\n`)
    send(frames)
  })
  const outcome = await watched.attempt(get(`${upgrade}${extensions}`))
  const [head] = outcome.responses
  expect([head?.status, head?.header('sec-websocket-extensions')]).toEqual([101, extensions.slice(26, -2)])
  await eventually('every byte', () => outcome.leftover.equals(frames))
  await outcome.client.send(frames)
  const { connection } = watched.upstream.last()
  await eventually('every byte upstream', () => connection.unread().includes(frames))
  outcome.client.reset()
  await watched.verify(outcome)
})

it('a body is never decompressed, however many codings its response names', async () => {
  const codings = Array.from({ length: 500 }, () => 'gzip').join(', ')
  watched.upstream.respond(`HTTP/1.1 200 OK\r\nContent-Encoding: ${codings}\r\nContent-Length: 2\r\n\r\nok`)
  const outcome = await watched.attempt(get('Accept-Encoding: gzip\r\n'))
  await watched.verify(outcome)
  expect(outcome.responses.map((response) => [response.header('content-encoding'), response.text()])).toEqual([
    [codings, 'ok'],
  ])
})

it('an upgrade names its protocol with the caller’s own bytes and no others', async () => {
  for (const value of ['websocket', 'a/1, b/2', 'web socket', 'x\xff', '\t']) {
    const outcome = await watched.attempt(get(`Connection: Upgrade\r\nUpgrade: ${value}\r\n`))
    const { requests } = await watched.verify(outcome)
    for (const request of requests) {
      expect(request.headers.filter(([name]) => name.toLowerCase() === 'upgrade').length).toBeLessThanOrEqual(1)
      expect(request.head).not.toMatch(/\r\n\r\n./s)
    }
  }
})

it('a head that goes on in the next line, or ends lines with LF alone, is 502', async () => {
  for (const head of [
    'HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\nok',
    'HTTP/1.1 200 OK\nContent-Length: 2\n\nok',
    'HTTP/1.1 200 OK\r\nX: a\nContent-Length: 2\r\n\r\nok',
    'HTTP/1.1 200 OK\r\nX : a\r\nContent-Length: 2\r\n\r\nok',
    'HTTP/1.1 200 OK\r\n: a\r\nContent-Length: 2\r\n\r\nok',
    'HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 2\r\n\r\nok',
  ]) {
    watched.upstream.respond(head)
    const outcome = await watched.attempt(get())
    await watched.verify(outcome)
    expect({ head, statuses: outcome.responses.map(({ status }) => status) }).toEqual({ head, statuses: [502] })
  }
})
