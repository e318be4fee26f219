import type { Config } from '../config/schema.ts'
import type { ErrorCode } from '../errors.ts'
import type { Events } from '../events.ts'
import { corsHeaders } from '../gateway/cors.ts'
import type { Exchange } from '../gateway/exchange.ts'
import { answer } from '../gateway/finish.ts'
import { type KeyRecord, StoreChanged, StoreConflict, StoreMissing, StoreUnavailable } from '../store/store.ts'

/** What a request under `self_service` comes to; `gone`: nobody waits for the answer any more. */
export type Outcome =
  | { readonly status: 200 | 201; readonly data: unknown; readonly next?: string }
  | { readonly refused: ErrorCode; readonly detail?: string }
  | 'gone'

export type Work = (exchange: Exchange, key: KeyRecord) => Promise<Outcome>

/** Makes the last function of a route of an endpoint: success as `{success: true, data}`, refusals as the route has them. */
export function createHandler(config: Pick<Config, 'cors'>, events: Pick<Events, 'fault'>) {
  return (work: Work) =>
    (exchange: Exchange): void => {
      const { key } = exchange
      if (key === undefined) throw new Error('the caller’s own endpoint needs an authenticated request')
      work(exchange, key)
        .catch((error: unknown) => refusalOf(error, events))
        .then((outcome) => tell(exchange, outcome, config.cors))
        .catch((error: unknown) => {
          events.fault('answering under self_service', error)
          exchange.wire.abort()
        })
    }
}

function refusalOf(error: unknown, events: Pick<Events, 'fault'>): Outcome {
  if (error instanceof StoreUnavailable) return { refused: 'KEY_STORE_UNAVAILABLE' }
  if (error instanceof StoreChanged) return { refused: 'FORBIDDEN', detail: 'This key may not do that any more.' }
  if (error instanceof StoreMissing) return { refused: 'NOT_FOUND' }
  if (error instanceof StoreConflict) return { refused: 'CONFLICT' }
  events.fault('self_service', error)
  return { refused: 'INTERNAL' }
}

function tell(exchange: Exchange, outcome: Outcome, cors: Config['cors']): void {
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
