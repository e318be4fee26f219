import type { Pattern } from '../config/pattern.ts'
import type { CorsConfig } from '../config/schema.ts'
import type { ErrorCode } from '../errors.ts'
import type { KeyRecord } from '../store/store.ts'
import type { Exchange } from './exchange.ts'

/** A denial is a value; a step that has its answer at hand gives it without a promise. */
export type Verdict = ErrorCode | undefined

/** One step of the way of a request. */
export interface Step {
  readonly name: StepName
  run(exchange: Exchange): Verdict | Promise<Verdict>
}

export type StepName =
  | 'read'
  | 'authenticate'
  | 'organization'
  | 'ip_access'
  | 'route'
  | 'scopes'
  | 'workspace'
  | 'body'
  | 'rewrite'
  | 'rate_limits'
  | 'context'
  | 'audit'

/** A route as it runs: compiled when the file is loaded, nothing about it is worked out per request. */
export interface Route {
  /** Its pattern as written; null for what matches no route. Used as a label and in the request log. */
  readonly label: string | null
  /** Names the parameters of the path; undefined where a route has no use for them. */
  readonly pattern: Pattern | undefined
  readonly upstreamName: string | null
  readonly steps: readonly Step[]
  readonly requiredScopes: readonly string[]
  readonly cors: CorsConfig | undefined
  /** Whether it asks for a key. */
  readonly public: boolean
  /**
   * How its refusals look to a caller with a valid key: a problem document, or `{success: false, error: {code, message}}`.
   * Everybody else gets a problem document on every path, or the difference would tell that there is something.
   */
  readonly refusals: 'problem' | 'envelope'
  /** What happens when no step refused. */
  finish(exchange: Exchange): void
  /** Whether a request that is under way may go on with what its key has become. */
  stillAllowed(exchange: Exchange, key: KeyRecord): Verdict
}
