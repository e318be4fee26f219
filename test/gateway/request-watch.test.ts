import { EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { expect, it } from 'vitest'
import { RequestWatch } from '../../src/gateway/request-watch.ts'
import { peakOfBuffers } from '../helpers/memory.ts'

const request = (url: string, complete = true) =>
  ({ method: 'GET', url, httpVersion: '1.1', headers: {}, complete }) as IncomingMessage

it('of a head that comes in the smallest pieces no more is kept than twice its length, and it is found whole', async () => {
  const socket = new EventEmitter()
  const watch = new RequestWatch(socket as Socket, () => undefined)
  const head = `GET /x HTTP/1.1\r\nX-A: ${'a'.repeat(40_000)}\r\n\r\n`
  const peak = await peakOfBuffers(async () => {
    for (const byte of head) socket.emit('data', Buffer.alloc(1, byte))
  })
  expect(peak).toBeLessThan(4 * head.length)
  expect(watch.judge(request('/x'))).toBeUndefined()
  expect(watch.settle()).toBe(0)
})

it('tells how much of the next head has come behind the last request, and lets go of the rest', () => {
  const socket = new EventEmitter()
  const watch = new RequestWatch(socket as Socket, () => undefined)
  const one = 'GET /1 HTTP/1.1\r\n\r\n'
  socket.emit('data', Buffer.from(`${one}GET /2 HT`))
  expect(watch.judge(request('/1'))).toBeUndefined()
  expect(watch.settle()).toBe('GET /2 HT'.length)
  socket.emit('data', Buffer.from('TP/1.1\r\n\r\n'))
  expect(watch.judge(request('/2'))).toBeUndefined()
  expect(watch.settle()).toBe(0)
  socket.emit('data', Buffer.from(one))
  expect(watch.judge(request('/1'))).toBeUndefined()
})

it('knows where a chunked body has ended, whatever its data looks like', () => {
  const socket = new EventEmitter()
  const watch = new RequestWatch(socket as Socket, () => undefined)
  const chunked = { ...request('/1'), headers: { 'transfer-encoding': 'chunked' } } as unknown as IncomingMessage
  const decoy = '0\r\n\r\nGET /2 HTTP/1.1\r\n\r\n'
  const body = `${decoy.length.toString(16)}\r\n${decoy}\r\n0\r\nX-A: b\r\n\r\n`
  const bytes = Buffer.from(`GET /1 HTTP/1.1\r\n\r\n${body}GET /3 HTTP/1.1\r\n\r\n`)
  for (const cut of bytes.keys()) {
    // The head is whole in the first piece: that is when the parser reports it.
    if (cut < 19) continue
    socket.emit('data', bytes.subarray(0, cut))
    expect(watch.judge(chunked)).toBeUndefined()
    socket.emit('data', bytes.subarray(cut))
    expect(watch.judge(request('/3'))).toBeUndefined()
    expect(watch.settle()).toBe(0)
  }
})

it('tells of a head that goes on and on, though the parser counts no spaces', () => {
  const socket = new EventEmitter()
  const broken: string[] = []
  const watch = new RequestWatch(socket as Socket, (code) => broken.push(code))
  socket.emit('data', Buffer.from('GET /1 HTTP/1.1\r\nX-A:'))
  for (let sent = 0; sent < 1_000_000; sent += 10_000) socket.emit('data', Buffer.alloc(10_000, ' '))
  expect(broken).toEqual(['HEADERS_TOO_LARGE'])
  expect(watch.unread.length).toBeLessThan(100_000)
})
