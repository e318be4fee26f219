import type { ErrorCode } from '../errors.ts'
import type { Exchange } from '../gateway/exchange.ts'

/** The body, or why there is none; `GONE` when nobody waits for an answer any more. */
export type BodyRead = { readonly bytes: Buffer } | { readonly refused: ErrorCode | 'GONE' }

/**
 * Reads a whole body that is answered here, bounded in size and in time.
 * @param timeMaxMs for all of it: whoever sends byte after byte in time would hold the connection for ever.
 */
export function readBody(exchange: Exchange, bytesMax: number, timeMaxMs: number): Promise<BodyRead> {
  const { wire } = exchange
  const { body } = wire
  if (body === undefined) return Promise.resolve({ bytes: Buffer.alloc(0) })
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let bytes = 0
    const settle = (result: BodyRead): void => {
      clearTimeout(timer)
      wire.listener = undefined
      exchange.onBroken = undefined
      body.off('data', onData)
      body.off('end', onEnd)
      resolve(result)
    }
    const onData = (chunk: Buffer): void => {
      bytes += chunk.length
      if (bytes > bytesMax) settle({ refused: 'BODY_TOO_LARGE' })
      else chunks.push(chunk)
    }
    const onEnd = (): void => settle({ bytes: Buffer.concat(chunks) })
    const timer = setTimeout(() => settle({ refused: 'REQUEST_TIMEOUT' }), timeMaxMs)
    wire.listener = { callerReads() {}, callerGone: () => settle({ refused: 'GONE' }) }
    exchange.onBroken = (code) => settle({ refused: code })
    body.on('data', onData)
    body.on('end', onEnd)
    wire.sendContinue()
  })
}
