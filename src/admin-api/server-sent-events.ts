import type { FastifyReply, FastifyRequest } from 'fastify'
import { credentialsOf, isStillAdmitted } from './admission.ts'
import type { AdminContext } from './context.ts'
import { commonHeaders, refuse } from './refusals.ts'

/** How long a listener that has lost its rights is still heard, and how often a quiet stream shows that it lives. */
const everyMs = 5000
/** A listener that is further behind than this is cut off: it can come back, but not hold our memory. */
const waitingBytesMax = 1024 * 1024

type Send = (event: string, id: string, data: object) => void

/**
 * Answers with server-sent events until one side leaves, or the caller's rights are gone.
 * @param subscribe gets what it sends with; @returns how to stop, or undefined when there is no room: 503.
 */
export function streamEvents(
  context: AdminContext,
  request: FastifyRequest,
  reply: FastifyReply,
  subscribe: (send: Send) => (() => void) | undefined,
): void {
  const { raw } = reply
  const write = (text: string): void => {
    if (raw.writableLength > waitingBytesMax) raw.destroy()
    else raw.write(text)
  }
  const stop = subscribe((event, id, data) => write(`event: ${event}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`))
  if (stop === undefined) return void refuse(reply, 'OVERLOADED')

  reply.hijack()
  raw.writeHead(200, { ...commonHeaders(request.id), 'Content-Type': 'text/event-stream', 'X-Accel-Buffering': 'no' })
  write(': connected\n\n')
  const credentials = credentialsOf(request)
  const beat = setInterval(() => {
    isStillAdmitted(context, request, credentials).then(
      (admitted) => (admitted ? write(': still here\n\n') : raw.end()),
      // The store does not answer: who may listen can't be said, so nobody does.
      () => raw.end(),
    )
  }, everyMs)
  raw.on('close', () => {
    clearInterval(beat)
    stop()
  })
}
