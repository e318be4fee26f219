import type { Clock } from '../clock.ts'
import type { AuthFailure, Events } from '../events.ts'
import type { KeyFormats } from '../keys/format.ts'
import type { KeyLookup, Lookup } from '../keys/lookup.ts'
import { verify } from '../keys/verify.ts'
import type { FailureGuard } from '../limiter/failures.ts'
import type { KeyRecord } from '../store/store.ts'

/** What a caller sent to say who it is. */
export interface Credentials {
  /** The Authorization header, undefined when there was none. */
  readonly authorization: string | undefined
  /** More than one was sent. */
  readonly repeated: boolean
}

/** A live key, or the code to refuse with. There is no third outcome. */
export type Authentication = KeyRecord | 'INVALID_API_KEY' | 'KEY_STORE_UNAVAILABLE' | 'RATE_LIMITED'

export type Authenticate = (credentials: Credentials, address: string) => Authentication | Promise<Authentication>

export interface AuthenticateDependencies {
  readonly formats: Pick<KeyFormats, 'parse'>
  readonly lookup: Pick<KeyLookup, 'find' | 'cached'>
  readonly failures: FailureGuard
  readonly clock: Clock
  readonly events: Pick<Events, 'authFailed'>
}

/**
 * Exactly one `Authorization: Bearer <key>`; format → cache → store.
 * An address with too many failures is served from the cache or by a few look-ups a second, and else told to wait.
 */
export function createAuthenticate({
  formats,
  lookup,
  failures,
  clock,
  events,
}: AuthenticateDependencies): Authenticate {
  const refuse = (reason: AuthFailure, address: string): Authentication => {
    const limited = !failures.allows(address)
    failures.failed(address)
    events.authFailed(limited ? 'limited' : reason)
    return limited ? 'RATE_LIMITED' : 'INVALID_API_KEY'
  }

  const judge = (found: Lookup, address: string): Authentication => {
    if (found === 'KEY_STORE_UNAVAILABLE') return found
    if (found === undefined) return refuseLookedUp('unknown', address)
    const failure = verify(found, clock.now())
    return failure === undefined ? found : refuseLookedUp(failure, address)
  }

  /** A look-up that was allowed is answered for what it found, also beyond the limit. */
  const refuseLookedUp = (reason: AuthFailure, address: string): Authentication => {
    failures.failed(address)
    events.authFailed(reason)
    return 'INVALID_API_KEY'
  }

  /** A key that is refused is no better known than a made-up one, or the limit would tell that there once was such a key. */
  const isLive = (cached: KeyRecord | undefined): boolean =>
    cached !== undefined && verify(cached, clock.now()) === undefined

  return (credentials, address) => {
    if (credentials.authorization === undefined) return refuse('missing', address)
    const token = credentials.repeated ? undefined : bearer.exec(credentials.authorization)?.[1]
    const key = token === undefined ? undefined : formats.parse(token)
    if (key === undefined) return refuse('malformed', address)

    const hash = key.sha256()
    if (!failures.allows(address) && !isLive(lookup.cached(hash)) && !failures.takeLookup(address)) {
      failures.failed(address)
      events.authFailed('limited')
      return 'RATE_LIMITED'
    }
    const found = lookup.find(hash)
    return found instanceof Promise ? found.then((result) => judge(result, address)) : judge(found, address)
  }
}

/** RFC 6750 section 2.1; the scheme in any case, one space, no list. */
const bearer = /^bearer ([A-Za-z0-9._~+/=-]+)$/i
