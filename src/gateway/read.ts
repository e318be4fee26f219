import type { HeaderKind } from '../proxy/header-kinds.ts'
import type { BeginTrace } from '../tracing/tracing.ts'
import { clientAddress } from './client-address.ts'
import type { Exchange } from './exchange.ts'
import { readHead } from './head.ts'
import type { QueryTokenRule } from './query-tokens.ts'
import type { Verdict } from './route.ts'
import { readTarget } from './target.ts'

export interface ReadRules {
  classify(name: string): HeaderKind
  trusts(address: string): boolean
  readonly queryTokens: QueryTokenRule
  containsKey(text: string): boolean
  /** Called with path and query that hold a credential, to find out whether it is a live one. */
  exposed(text: string): void
  readonly beginTrace: BeginTrace
}

/** Steps 1 and 2: framing, target, credentials in the URL. Fills in head, request id, address, path and query. */
export function readRequest(exchange: Exchange, rules: ReadRules): Verdict {
  const { head, raw } = exchange
  const framing = readHead(raw, rules.classify, head)
  if (head.requestId !== undefined && requestIdPattern.test(head.requestId) && !rules.containsKey(head.requestId)) {
    exchange.requestId = head.requestId
  }
  exchange.peerTrusted = rules.trusts(exchange.arrival.peer)
  exchange.address = clientAddress(exchange.arrival.peer, head.forwardedFor, rules.trusts)
  exchange.trace = rules.beginTrace(head.traceparent, head.tracestate, exchange.peerTrusted, exchange.arrival.at)
  if (framing !== undefined || exchange.broken !== undefined) return framing ?? exchange.broken

  const target = readTarget(raw.target, head.host)
  if (typeof target === 'string') return target
  exchange.path = target.path
  exchange.query = target.query
  if (!rules.queryTokens.rejects(target.path, target.query)) return undefined
  rules.exposed(target.path + target.query)
  return 'QUERY_TOKEN_REJECTED'
}

const requestIdPattern = /^[A-Za-z0-9._-]{1,64}$/
