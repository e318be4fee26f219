import type { RequestRow } from './store/store.ts'

/**
 * One function per thing that happens. Each writes its log line and moves its metric, so that the two can't tell
 * different stories. `createEvents` in metrics/events.ts makes the real one; nothing else logs or counts.
 * No function takes a secret, a query string or a header value that could hold one.
 */
export interface Events {
  /** The last thing that happens to a request, refused and aborted ones included. `overheadMs`: time spent in the gateway itself. */
  requestFinished(row: RequestRow, upstream: string | null, overheadMs: number, trace?: TraceIds): void
  authFailed(reason: AuthFailure): void
  /** A limit refused a request. */
  rateLimited(limit: string): void
  keyCache(result: 'hit' | 'miss' | 'stale'): void
  /** A key came in a URL. `keyId` when it is a live one. */
  keyExposed(keyId: string | null): void
  /** Requests are turned away, since too many are in flight or the event loop is late; undefined: no more. */
  overloaded(why: 'in_flight' | 'event_loop' | undefined): void
  /** The connection of a caller was closed to keep within a bound. */
  connectionClosed(why: ConnectionBound): void
  upstreamUp(upstream: string, target: string, up: boolean, why?: string): void
  storeUp(up: boolean, why?: string): void
  /** Redis does not answer, and limits are not shared with other nodes; or it answers, at the start or again. */
  limiterDegraded(degraded: boolean, why?: string): void
  /** A request was charged to nothing, since Redis does not answer and the file says to let it pass. */
  limitsUncounted(): void
  configLoaded(result: 'accepted' | 'rejected', detail: string): void
  requestLogQueued(rows: number): void
  requestLogDropped(rows: number): void
  /** One attempt to deliver a webhook has ended. */
  webhookDelivered(result: WebhookResult, attempt: WebhookAttempt): void
  /** A process that carries traffic takes requests. `worker`: its place, which whoever replaces it has too. */
  workerStarted(worker: number, pid: number): void
  /** `silent`: it did not answer in time and was ended. */
  workerEnded(worker: number, why: 'stopped' | 'crashed' | 'silent', how: string): void
  /** Somebody logged in to the admin plane, or tried to. */
  adminLogin(method: LoginMethod, result: LoginResult, who: LoginFields): void
  listening(plane: 'data' | 'admin', url: string): void
  draining(step: 'delay' | 'closing' | 'aborted' | 'done', inFlight: number): void
  /** Traces are exported. `endpoint`: scheme, host and port of the collector. */
  tracing(endpoint: string, protocol: string): void
  /** Spans on their way to the collector; `dropped`: the queue was full, `failed`: it has not taken them. */
  spans(result: SpansResult, count: number, why?: string): void
  /** A fault of ours: an exception where none should be. The message goes to the log, never to a caller. `request`: met by it. */
  fault(where: string, error: unknown, request?: RequestIds): void
}

/** W3C Trace Context: what ties lines of the log to a trace. */
export interface TraceIds {
  readonly traceId: string
  readonly spanId: string
}

export interface RequestIds {
  readonly requestId: string
  readonly trace: TraceIds | undefined
}

export type SpansResult = 'exported' | 'dropped' | 'failed'

export type AuthFailure = 'missing' | 'malformed' | 'unknown' | 'revoked' | 'expired' | 'inactive_owner' | 'limited'

/**
 * `peer`: too many of one peer; `full`: no place, and none to be had. Both were just made. Of those that were there: `idle` and
 * `unfinished` made room for others, `heads` held the oldest part of a head when there was too much of them, of
 * `unread` the caller did not take its answer, and `pipelined` sent more requests at once than may wait.
 */
export const connectionBounds = ['peer', 'full', 'idle', 'unfinished', 'heads', 'unread', 'pipelined'] as const
export type ConnectionBound = (typeof connectionBounds)[number]

export type LoginMethod = 'password' | 'link' | 'oidc'
/** `throttled`: refused unseen, for too many wrong ones before. */
export type LoginResult = 'succeeded' | 'refused' | 'throttled'

export interface LoginFields {
  readonly requestId: string
  readonly ip: string
  /** Whose account it is or would be; null when there is none, or it is not known. */
  readonly operatorId: string | null
  /** As it was given, redacted, where there is no such account. Null for what is no address: it could be a password. */
  readonly email?: string | null
}

/** `gone`: the target answered 410 and gets no more. `failed`: there is no further attempt. */
export type WebhookResult = 'delivered' | 'retried' | 'failed' | 'gone'

/** Never the URL: with many receivers it is a secret. */
export interface WebhookAttempt {
  readonly webhookId: string
  readonly deliveryId: string
  readonly attempts: number
  readonly status: number | null
  readonly error: string | null
  readonly durationMs: number
}
