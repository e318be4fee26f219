import type { Certificates } from '../config/certificates.ts'
import type { Address, Config } from '../config/schema.ts'
import type { Counter, Grant, Holding, Want } from '../limiter/authority.ts'
import type { Charge, ChargeState } from '../limiter/limiter.ts'
import type { MetricsReport } from '../metrics/report.ts'
import type { Call, Outcome } from '../self-service/call.ts'
import type { Actor, Change, NewEvent, PackedRequests, RequestWrite } from '../store/store.ts'

/** What a worker answers to the primary. */
export type WorkerApi = {
  /** Opens the store for reading and compiles; before it nothing else is answered. Of secrets `plan` has what traffic needs. */
  start(input: { readonly worker: number; readonly plan: SharedPlan }): Promise<void>
  listen(address: Address): Promise<{ host: string; port: number }>
  forget(change: Change): void
  forgetAll(): void
  /** Answered when all that was to be forgotten before is forgotten. */
  settle(): void
  synced(ageMs: number): void
  prepare(plan: SharedPlan): Promise<void>
  /** Puts in force what was prepared last, which must have this version; nothing happens where that is so already. */
  apply(version: number): Promise<void>
  abandon(): void
  /** Others need the tokens of these counters. */
  recall(counters: readonly Counter[]): void
  /** Failed authentications that other workers have seen. */
  failed(addresses: readonly string[]): void
  drain(): void
  close(): Promise<void>
  abortAll(): Promise<number>
  report(): Promise<WorkerReport>
  /** Breaks every connection, gives back what it holds, and writes out what waits for the request log. @returns its last counts. */
  end(): Promise<WorkerReport>
  exit(): void
}

/** What the primary answers to a worker. Nothing here hands out a secret that the worker has not been asked with. */
export type PrimaryApi = {
  writeRequests(input: { readonly write: RequestWrite; readonly rows: PackedRequests }): Promise<void>
  touchSecrets(lastUsed: ReadonlyMap<string, number>): Promise<void>
  appendEvent(input: { readonly event: NewEvent; readonly actor: Actor }): Promise<void>
  revokeKey(input: {
    readonly organizationId: string
    readonly keyId: string
    readonly reason: string | null
    readonly actor: Actor
  }): Promise<void>
  answerCall(call: Call): Promise<Outcome>
  take(wants: readonly Want[]): Promise<readonly Grant[]>
  peek(charges: readonly Charge[]): Promise<readonly ChargeState[]>
  giveBack(holdings: readonly Holding[]): Promise<void>
  failed(addresses: readonly string[]): void
  /** It hears what is said to it: what was said before is lost. */
  hello(): void
  report(report: WorkerReport): void
}

/** A configuration as workers get it. */
export interface SharedPlan {
  /** Each reload has a higher one. */
  readonly version: number
  readonly config: Config
  /** Not read again by who starts later: the files may have changed, for good or bad. */
  readonly certificates: Certificates
  /** PEM of the keys that sign contexts, the one in use first; none where none are signed. */
  readonly signingKeys: readonly string[]
  /** How many workers share what the configuration bounds. */
  readonly workers: number
}

export interface WorkerReport {
  readonly inFlight: number
  readonly metrics: MetricsReport
  readonly targetsUp: ReadonlyMap<string, readonly boolean[]>
}
