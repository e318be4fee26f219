/**
 * The error catalogue: every code that a caller can be answered, with its status and its public text.
 * Statuses are derived here and nowhere else; docs/reference/errors.md and the tests are generated from this table.
 */
export const catalogue = {
  BAD_REQUEST: [400, 'Bad request', 'The request is malformed or could be read in more than one way.'],
  BAD_REQUEST_TARGET: [400, 'Bad request target', 'The path holds something that two servers could read differently.'],
  QUERY_TOKEN_REJECTED: [
    400,
    'Credentials in the URL',
    'Credentials are never accepted in a URL, which ends up in logs and histories. Send them in the Authorization header, and rotate the key if it was a real one.',
  ],
  INVALID_API_KEY: [
    401,
    'Invalid API key',
    'The API key is missing, malformed, unknown, revoked or expired. Send it as "Authorization: Bearer <key>".',
  ],
  UNAUTHENTICATED: [401, 'Not logged in', 'Log in, or send an admin token as "Authorization: Bearer <token>".'],
  FORBIDDEN: [403, 'Forbidden', 'Your role does not allow this.'],
  ORGANIZATION_SUSPENDED: [403, 'Organization suspended', 'The organization that this key belongs to is suspended.'],
  INSUFFICIENT_SCOPE: [403, 'Insufficient scope', 'The API key lacks a scope that this request needs.'],
  IP_NOT_ALLOWED: [403, 'Address not allowed', 'The API key may not be used from this address.'],
  ROUTE_DENIED: [403, 'Route denied', 'No API key may call this.'],
  NOT_FOUND: [404, 'Not found', 'There is nothing here.'],
  METHOD_NOT_ALLOWED: [
    405,
    'Method not allowed',
    'This path exists, but not with this method; the Allow header lists those it has.',
  ],
  REQUEST_TIMEOUT: [408, 'Request timeout', 'The request took too long to arrive.'],
  CONFLICT: [409, 'Conflict', 'The request conflicts with the present state.'],
  IDEMPOTENCY_CONFLICT: [
    409,
    'Idempotency conflict',
    'This Idempotency-Key was used for another request, or the first one is still running.',
  ],
  PRECONDITION_FAILED: [412, 'Precondition failed', 'The object has changed since you read it.'],
  BODY_TOO_LARGE: [413, 'Body too large', 'The request body is larger than this route allows.'],
  URI_TOO_LONG: [414, 'URI too long', 'The request target is too long.'],
  UNSUPPORTED_MEDIA_TYPE: [415, 'Unsupported media type', 'Send application/json.'],
  VALIDATION_FAILED: [422, 'Validation failed', 'The body has fields that are wrong; see errors.'],
  UNKNOWN_SCOPE: [422, 'Unknown scope', 'A scope is not one of those that can be granted.'],
  RATE_LIMITED: [429, 'Rate limited', 'Too many requests; retry after the time that Retry-After names.'],
  HEADERS_TOO_LARGE: [431, 'Headers too large', 'The request headers are too large.'],
  INTERNAL: [500, 'Internal error', 'Something went wrong on our side. Quote the request id when you report it.'],
  UPSTREAM_UNAVAILABLE: [502, 'Upstream unavailable', 'The API behind the gateway could not be reached.'],
  UPSTREAM_PROTOCOL_ERROR: [
    502,
    'Upstream protocol error',
    'The API behind the gateway gave an answer that is not valid HTTP.',
  ],
  KEY_STORE_UNAVAILABLE: [503, 'Key store unavailable', 'API keys cannot be checked at the moment; retry later.'],
  LIMITER_UNAVAILABLE: [503, 'Limiter unavailable', 'Rate limits cannot be checked at the moment; retry later.'],
  DRAINING: [503, 'Shutting down', 'This gateway is shutting down; retry.'],
  OVERLOADED: [503, 'Overloaded', 'The gateway has too much to do at the moment; retry later.'],
  UPSTREAM_TIMEOUT: [504, 'Upstream timeout', 'The API behind the gateway did not answer in time.'],
  VERSION_NOT_SUPPORTED: [505, 'HTTP version not supported', 'Use HTTP/1.1.'],
} as const satisfies Record<string, readonly [status: number, title: string, detail: string]>

export type ErrorCode = keyof typeof catalogue

/** @returns the HTTP status of a code. */
export const statusOf = (code: ErrorCode): number => catalogue[code][0]

/** Members of a problem beyond those of RFC 9457, for example `required_scopes`. */
export type ProblemExtras = Readonly<Record<string, unknown>>

/**
 * The body of an error answer, RFC 9457 with `code` and `request_id`.
 * `instance` is `urn:uuid:` for our own request ids and `urn:request:` for those that a caller chose.
 */
export function problem(code: ErrorCode, requestId: string, extras: ProblemExtras = {}): string {
  const [status, title, detail] = catalogue[code]
  const instance = uuid.test(requestId) ? `urn:uuid:${requestId}` : `urn:request:${requestId}`
  const type = `urn:sallyport:error:${code}`
  return JSON.stringify({ type, title, status, detail, instance, code, request_id: requestId, ...extras })
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** For the default branch of a closed union: does not compile when a case is missing, throws when one slips through. */
export function assertNever(value: never): never {
  throw new Error(`unexpected case: ${String(value)}`)
}
