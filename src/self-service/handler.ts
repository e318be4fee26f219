import type { Config } from '../config/schema.ts'
import type { Events } from '../events.ts'
import { corsHeaders } from '../gateway/cors.ts'
import type { Exchange } from '../gateway/exchange.ts'
import { answer, type Finish } from '../gateway/finish.ts'
import type { AnswerCall, Call, Outcome } from './call.ts'
import { readBody } from './read-body.ts'

export interface SelfServiceDependencies {
  readonly answerCall: AnswerCall
  readonly events: Pick<Events, 'fault'>
}

/** Reads a request under `self_service`, has it answered, and tells the caller: success as `{success: true, data}`, refusals as the route has them. */
export function createSelfService({ answerCall, events }: SelfServiceDependencies): Finish['selfService'] {
  return (config) => {
    const handler = (operation: Call['operation']) => (exchange: Exchange) => {
      serve(exchange, operation, config)
        .then((outcome) => tell(exchange, outcome, config.cors))
        .catch((error: unknown) => {
          events.fault('answering under self_service', error)
          exchange.wire.abort()
        })
    }
    return { list: handler('list'), create: handler('create'), remove: handler('remove') }
  }

  async function serve(exchange: Exchange, operation: Call['operation'], config: Config): Promise<Outcome | 'gone'> {
    const { key, address, requestId, path, query, params, raw } = exchange
    if (key === undefined) throw new Error('the caller’s own endpoint needs an authenticated request')
    let body = nothing
    if (operation === 'create') {
      const read = await readBody(exchange, exchange.bodyBytesMax, config.timeouts.body_idle)
      if ('refused' in read) return read.refused === 'GONE' ? 'gone' : { refused: read.refused }
      body = read.bytes
    }
    const keyId = params.key_id ?? ''
    try {
      return await answerCall({ operation, key, address, requestId, path, query, keyId, headers: raw.headers, body })
    } catch (error) {
      events.fault('self_service', error)
      return { refused: 'INTERNAL' }
    }
  }
}

function tell(exchange: Exchange, outcome: Outcome | 'gone', cors: Config['cors']): void {
  if (outcome === 'gone' || exchange.gone) return
  if ('refused' in outcome) {
    exchange.detail = outcome.detail
    exchange.fail(outcome.refused)
    return
  }
  const headers = ['Content-Type', 'application/json', 'Cache-Control', 'no-store']
  if (outcome.next !== undefined) headers.push('Link', `<${outcome.next}>; rel="next"`)
  if (cors !== undefined) headers.push(...corsHeaders(cors, exchange.head.origin))
  answer(exchange, outcome.status, headers, JSON.stringify({ success: true, data: outcome.data }))
}

const nothing: Uint8Array = Buffer.alloc(0)
