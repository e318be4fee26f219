import type { ErrorCode } from '../../src/errors.ts'

/** For whoever meets an error: what to look at, in the order in which it is worth looking. */
export const whatToCheck: Readonly<Record<ErrorCode, readonly [string, ...string[]]>> = {
  BAD_REQUEST: [
    'Send exactly one `Host` header, and either `Content-Length` or `Transfer-Encoding: chunked`, not both.',
    'Look for line breaks or control characters in header values that your program puts together itself.',
    'On the admin API: is the body valid JSON?',
  ],
  BAD_REQUEST_TARGET: [
    'Paths may not have `.` or `..` segments, empty segments (`//`), `\\`, `;` or a `#`.',
    'An encoded slash (`%2F`) in a path is refused. Put such values into the query or the body.',
    'Percent-encoding must be complete, must not be done twice, and must give valid UTF-8.',
  ],
  QUERY_TOKEN_REJECTED: [
    'Send the key in the `Authorization` header instead.',
    'If a real key was in the URL, rotate it: it is in logs and histories by now.',
    'A parameter that only has an unlucky name can be allowed with `query_tokens` in the configuration.',
  ],
  INVALID_API_KEY: [
    'Is there exactly one header `Authorization: Bearer <key>`?',
    'Is the key complete, without quotes, line breaks or spaces around it? `sallyport keys list` shows how each begins.',
    'Has it been revoked, rotated, or has it expired? The answer is the same for all of these on purpose; `sallyport keys list` shows the state.',
    'Does the key belong to a service account that is inactive?',
  ],
  UNAUTHENTICATED: [
    'Send the admin token as `Authorization: Bearer <token>`, or log in again.',
    'A key for the data plane is no admin token.',
  ],
  FORBIDDEN: ['Ask somebody with a higher role in this organization, or for that role.'],
  ORGANIZATION_SUSPENDED: [
    'The key itself is fine: its organization was suspended as a whole, and resumes as a whole.',
    'Ask the operator of the gateway for the reason.',
  ],
  INSUFFICIENT_SCOPE: [
    '`required_scopes` in the body says what the route asks for.',
    'Give the key that scope, or use another key. `GET /api/v1/me` shows what a key has.',
  ],
  IP_NOT_ALLOWED: [
    'From which address does the request reach the gateway? It is in the request log.',
    'Behind a load balancer: is the balancer in `trust_proxy`? Otherwise its address is what counts.',
    'Is the address in the list of the key, also in its IPv6 form?',
  ],
  ROUTE_DENIED: ['The route has `deny: true`: no key may call it, whatever its scopes.'],
  NOT_FOUND: [
    'Is the path right, with its prefix? `sallyport explain` says which route a request meets.',
    'A route with `workspace:` answers so when the key has no grant for that workspace, existing or not.',
    'A key that is bound to a project gets this from every route without `workspace:`.',
    'Paths are compared letter for letter, upper and lower case included.',
  ],
  METHOD_NOT_ALLOWED: ['The header `Allow` lists the methods that this path has.'],
  REQUEST_TIMEOUT: [
    'The head or the body came too slowly, or stopped. Is there a proxy in between that waits?',
    'The limits are `timeouts.head` and `timeouts.body_idle`.',
  ],
  CONFLICT: ['Somebody else has made or changed the same thing. Read it again, and decide.'],
  IDEMPOTENCY_CONFLICT: [
    'Use a new `Idempotency-Key` for each new request.',
    'If the first request is still running, send the same one again a little later.',
  ],
  PRECONDITION_FAILED: ['Read the object again, and make your change to the newer one.'],
  BODY_TOO_LARGE: ['The limit is `body_limit`, of the route or of the whole gateway.'],
  URI_TOO_LONG: ['Send long values in the body instead of in the query.'],
  UNSUPPORTED_MEDIA_TYPE: ['Send the header `Content-Type: application/json`, and JSON.'],
  VALIDATION_FAILED: [
    '`errors` in the body lists every field that is wrong, with its path and what is expected.',
    'Unknown fields are errors too, and numbers in quotes are no numbers.',
  ],
  UNKNOWN_SCOPE: [
    'Scopes are declared under `scopes` in the configuration. Look for a typing error.',
    '`x:*` can be granted when a declared scope starts with `x:`.',
  ],
  RATE_LIMITED: [
    '`violated_policies` in the body names the limits that had no room, `Retry-After` says when to come back.',
    '`RateLimit` and `RateLimit-Policy` on every answer tell how much is left: slow down before it is used up.',
    'After many requests with wrong keys from one address this is the answer too, also for a key that is right.',
  ],
  HEADERS_TOO_LARGE: ['Are there very large cookies or tokens in the request?'],
  INTERNAL: [
    'Look for the request id in the log of the gateway; the line with the level `error` says what happened.',
    'If it happens again, report it with that line.',
  ],
  UPSTREAM_UNAVAILABLE: [
    'Does the API run, and is its address right under `upstreams`?',
    '`sallyport_upstream_up` in the metrics shows which targets are taken to be down.',
    'Can the machine of the gateway reach it: name resolution, firewall, TLS certificate?',
  ],
  UPSTREAM_PROTOCOL_ERROR: [
    'Is there a server that speaks HTTP/1.1 on that port? A target with TLS needs `https://`.',
    'Did the API close the connection in the middle of the head of its answer?',
  ],
  KEY_STORE_UNAVAILABLE: [
    'Does the store answer? `/readyz` on the admin listener and `sallyport_store_up` say so.',
    'With SQLite: is the disk full, or the file locked or not writable?',
    'With `audit.durability: strict` this is also the answer when the request log can’t be written.',
  ],
  LIMITER_UNAVAILABLE: [
    'The gateway can’t count requests at the moment, and does not guess. Retry after `Retry-After`.',
  ],
  DRAINING: [
    'The gateway is being stopped or replaced. A retry on a new connection reaches another one, or the new one.',
  ],
  OVERLOADED: [
    'All connections to the API are in use: is the API slow? See `sallyport_upstream_duration_seconds`.',
    'Raise `max_connections` of the upstream if the API can take more. One organization, or one network without a key, has three quarters of them at most.',
    'Is `sallyport_overloaded` 1? Then the gateway itself has too much to do: more cores (`workers`), more nodes, or fewer requests. See `overload`.',
  ],
  UPSTREAM_TIMEOUT: [
    'The API took longer than `response_timeout` of its upstream, or was silent for longer than `idle_timeout` in the middle of a body.',
    'The request may have had its effect all the same: look before you repeat it.',
  ],
  VERSION_NOT_SUPPORTED: ['Use HTTP/1.1 (or 1.0).'],
}
