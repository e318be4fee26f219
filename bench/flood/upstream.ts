import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** The API behind: a small answer, `/big` with 16 MB, and bodies read to their end before there is an answer. */
const piece = Buffer.alloc(64 * 1024, 'x')

const server = createServer((request, response) => {
  if (request.url === '/big') {
    response.setHeader('content-length', piece.length * 256)
    let left = 256
    const more = (): void => {
      while (left > 0) {
        left--
        if (!response.write(piece)) return void response.once('drain', more)
      }
      response.end()
    }
    return more()
  }
  request.resume()
  request.on('end', () => response.end('{"ok":true}'))
})
server.requestTimeout = 0
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
process.on('message', () => process.exit(0))
process.on('disconnect', () => process.exit(0))
