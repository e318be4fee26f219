import { EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { expect, it } from 'vitest'
import { RequestLineWatch } from '../../src/gateway/request-line.ts'
import { peakOfBuffers } from '../helpers/memory.ts'

const request = (url: string, complete = true) =>
  ({ method: 'GET', url, httpVersion: '1.1', headers: {}, complete }) as IncomingMessage

it('of a head that comes in the smallest pieces no more is kept than twice its length, and it is found whole', async () => {
  const socket = new EventEmitter()
  const watch = new RequestLineWatch(socket as Socket)
  const head = `GET /x HTTP/1.1\r\nX-A: ${'a'.repeat(40_000)}\r\n\r\n`
  const peak = await peakOfBuffers(async () => {
    for (const byte of head) socket.emit('data', Buffer.alloc(1, byte))
  })
  expect(peak).toBeLessThan(4 * head.length)
  expect(watch.matches(request('/x'))).toBe(true)
  expect(watch.settle()).toBe(0)
})

it('tells how much of the next head has come behind the last request, and lets go of the rest', () => {
  const socket = new EventEmitter()
  const watch = new RequestLineWatch(socket as Socket)
  const one = 'GET /1 HTTP/1.1\r\n\r\n'
  socket.emit('data', Buffer.from(`${one}GET /2 HT`))
  expect(watch.matches(request('/1'))).toBe(true)
  expect(watch.settle()).toBe('GET /2 HT'.length)
  socket.emit('data', Buffer.from('TP/1.1\r\n\r\n'))
  expect(watch.matches(request('/2'))).toBe(true)
  expect(watch.settle()).toBe(0)
  socket.emit('data', Buffer.from(one))
  expect(watch.matches(request('/1'))).toBe(true)
})
