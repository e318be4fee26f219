import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/**
 * At most so many connections, without anybody keeping others out by holding them all: where they are full, the new one takes
 * the place of the one that has been of no use for longest. That is one without a request, or else one whose request has not
 * come whole. One more than can be answered is closed.
 */
export function boundConnections(server: Server, max: number): void {
  /** The one that was in use last comes last. */
  const open = new Map<Socket, Work>()

  server.on('connection', (socket: Socket) => {
    if (open.size >= max) {
      const useless = longestUseless(open)
      if (useless === undefined) {
        socket.destroy()
        return
      }
      open.delete(useless)
      useless.destroy()
    }
    open.set(socket, { answering: 0, request: undefined })
    socket.once('close', () => open.delete(socket))
  })

  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const { socket } = request
    const work = open.get(socket)
    if (work === undefined) return
    work.answering++
    work.request = request
    response.once('close', () => {
      work.answering--
      // Behind all others, unless it is gone.
      if (open.delete(socket)) open.set(socket, work)
    })
  })
}

interface Work {
  /** Answers that are not at their end. */
  answering: number
  /** The newest one. */
  request: IncomingMessage | undefined
}

function longestUseless(open: ReadonlyMap<Socket, Work>): Socket | undefined {
  let halfHeard: Socket | undefined
  for (const [socket, { answering, request }] of open) {
    if (answering === 0) return socket
    if (request?.complete === false) halfHeard ??= socket
  }
  return halfHeard
}
