import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from '../helpers/eventually.ts'
import { type FaultProxy, startFaultProxy } from './proxy.ts'

/** The proxy itself: a test of faults says nothing when there was none. */

let echo: Server
let proxy: FaultProxy
const sockets: Socket[] = []

beforeEach(async () => {
  echo = await listen((socket) => socket.pipe(socket))
  proxy = await startFaultProxy(portOf(echo))
})
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await proxy[Symbol.asyncDispose]()
  echo.close()
})

async function listen(handle: (socket: Socket) => void): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    handle(socket)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}
const portOf = (server: Server): number => (server.address() as AddressInfo).port

interface Caller {
  readonly socket: Socket
  received(): string
  /** How it has ended; undefined: it has not. */
  ended(): string | undefined
}

async function call(): Promise<Caller> {
  const socket = connect(proxy.port, '127.0.0.1')
  sockets.push(socket)
  let text = ''
  let end: string | undefined
  socket.on('data', (chunk) => {
    text += chunk
  })
  socket.on('error', (error: NodeJS.ErrnoException) => {
    end ??= error.code
  })
  socket.on('end', () => {
    end ??= 'FIN'
  })
  await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve))
  return { socket, received: () => text, ended: () => end }
}

const answered = (caller: Caller, text: string) =>
  eventually(`the answer ${text}`, () => caller.received().endsWith(text))

describe('the fault proxy', () => {
  it('passes bytes in order in both directions, and ends', async () => {
    const caller = await call()
    for (let count = 0; count < 100; count++) caller.socket.write(`${count},`)
    await answered(caller, ',99,')
    expect(caller.received()).toBe(Array.from({ length: 100 }, (_, count) => `${count},`).join(''))
    caller.socket.end()
    await eventually('the end', () => caller.ended() === 'FIN')
    await eventually('the pair to be gone', () => proxy.open === 0)
  })

  it('cuts with RST, and refuses with RST until it passes again', async () => {
    const caller = await call()
    proxy.cut()
    await eventually('the cut', () => caller.ended() === 'ECONNRESET')
    proxy.refuse()
    const refused = await call()
    await eventually('the refusal', () => refused.ended() === 'ECONNRESET')
    proxy.pass()
    const passed = await call()
    passed.socket.write('x')
    await answered(passed, 'x')
  })

  it('delays both ways, and keeps the order when the delay ends', async () => {
    const caller = await call()
    proxy.delay(150)
    caller.socket.write('slow')
    await pause(20)
    proxy.pass()
    caller.socket.write('fast')
    await answered(caller, 'fast')
    expect(caller.received()).toBe('slowfast')
    proxy.delay(150)
    const secondAt = performance.now()
    caller.socket.write('end')
    await answered(caller, 'end')
    expect(performance.now() - secondAt).toBeGreaterThan(290)
  })

  it('lets through so many bytes a second', async () => {
    const caller = await call()
    proxy.throttle(100_000)
    const startedAt = performance.now()
    caller.socket.write(`${'x'.repeat(30_000)}.`)
    await answered(caller, '.')
    expect(performance.now() - startedAt).toBeGreaterThan(290)
  })

  it('half open: what is connected hears no more of anything, not even of the end; what comes later passes', async () => {
    const caller = await call()
    caller.socket.write('a')
    await answered(caller, 'a')
    proxy.halfOpen()
    caller.socket.write('b')
    const later = await call()
    later.socket.write('c')
    await answered(later, 'c')
    expect([caller.received(), caller.ended()]).toEqual(['a', undefined])
  })

  it('black hole: connections are taken, and no byte comes', async () => {
    proxy.blackHole()
    const caller = await call()
    caller.socket.write('a')
    proxy.pass()
    const later = await call()
    later.socket.write('c')
    await answered(later, 'c')
    expect([caller.received(), caller.ended()]).toEqual(['', undefined])
  })

  it('leads to another server from the next connection on', async () => {
    const before = await call()
    const other = await listen((socket) => socket.end('other'))
    proxy.leadTo(portOf(other))
    const caller = await call()
    await answered(caller, 'other')
    before.socket.write('still')
    await answered(before, 'still')
    other.close()
  })
})
