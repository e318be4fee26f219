import type { AnalyticsStore } from './analytics-store.ts'
import type { Actor, Found, Metadata, Page, Role, Search } from './basics.ts'
import type { JobsStore } from './jobs-store.ts'
import type { NodesStore } from './nodes-store.ts'
import type { OperatorsStore } from './operators-store.ts'

export type { Actor, Found, Metadata, Page, Role, Search } from './basics.ts'
export type {
  ApiKey,
  NewKey,
  NewSecret,
  Organization,
  OrganizationStatus,
  RateLimitSetting,
  Secret,
  SuspendedBy,
  WorkspaceRef,
} from './objects.ts'

import type { EventType } from './event-types.ts'
import type { IdempotencyStore } from './idempotency-store.ts'
import type { ApiKey, NewKey, NewSecret, Organization, RateLimitSetting, SuspendedBy, WorkspaceRef } from './objects.ts'
import type { SealedSecretsStore } from './sealed-secrets-store.ts'
import type { Checkpoint, StoredEvent } from './verify-events.ts'
import type { WebhookStore } from './webhooks-store.ts'

/**
 * The store contract: records, and what every adapter promises. `test/contract/store.ts` holds each adapter to it.
 *
 * Times are milliseconds since the epoch. Every method that changes something commits the change, its admin event and its
 * row in the change log in one transaction, and is durable (fsync) when its promise resolves.
 * A method rejects with `StoreUnavailable` when the store can't answer, with `StoreConflict` on a broken uniqueness rule,
 * with `StoreMissing` when something new shall belong to an organization, workspace or service account that is not there.
 */
export interface Store
  extends AnalyticsStore,
    JobsStore,
    NodesStore,
    OperatorsStore,
    SealedSecretsStore,
    IdempotencyStore,
    WebhookStore {
  /** The hot look-up. Synchronous where the adapter can; @returns undefined when no live secret has this hash. */
  findKeyByHash(sha256: Buffer): KeyRecord | undefined | Promise<KeyRecord | undefined>

  createOrganization(input: NewOrganization, actor: Actor): Promise<Organization>
  /** By id or by slug. */
  findOrganization(idOrSlug: string): Promise<Organization | undefined>
  /** Newest first. `before` is the id of the last one of the page before; `q` is part of the name or slug, in any case. */
  listOrganizations(page?: Page & { readonly among?: readonly string[]; readonly q?: string }): Promise<Organization[]>
  updateOrganization(
    id: string,
    patch: OrganizationPatch,
    actor: Actor,
    holds?: Precondition<Organization>,
  ): Promise<Organization | undefined>
  /** Irreversible, with everything in it; its requests and events stay in the logs. Its keys are unknown from then on. */
  deleteOrganization(id: string, actor: Actor): Promise<boolean>

  /** @param by where a key creates another: rejects with StoreChanged when it may not at that moment. */
  createKey(input: NewKey, actor: Actor, by?: ActingKey): Promise<ApiKey>
  findKey(organizationId: string, keyId: string): Promise<ApiKey | undefined>
  /** @returns the id of the organization that the key belongs to. For the command line alone: callers of an API name theirs. */
  locateKey(keyId: string): Promise<string | undefined>
  /** Newest first, without deleted ones. */
  listKeys(organizationId: string, filter?: KeyFilter, page?: Page): Promise<ApiKey[]>
  countKeys(organizationId: string, filter?: KeyFilter): Promise<number>
  updateKey(
    organizationId: string,
    keyId: string,
    patch: KeyPatch,
    actor: Actor,
    holds?: Precondition<ApiKey>,
  ): Promise<ApiKey | undefined>
  /** Irreversible; a second call changes nothing and returns the same record. */
  revokeKey(organizationId: string, keyId: string, reason: string | null, actor: Actor): Promise<ApiKey | undefined>
  /** Revokes and hides from lists. @param by as with createKey. @returns whether there was such a key. */
  deleteKey(organizationId: string, keyId: string, actor: Actor, by?: ActingKey): Promise<boolean>
  /** Adds a secret; the earlier ones end at `graceEndsAt` (or at once when null). @returns undefined when no such active key. */
  rotateKey(
    organizationId: string,
    keyId: string,
    secret: NewSecret,
    graceEndsAt: number | null,
    actor: Actor,
  ): Promise<ApiKey | undefined>

  createWorkspace(input: NewWorkspace, actor: Actor): Promise<Workspace>
  /** By id or by external id. */
  findWorkspace(organizationId: string, idOrExternalId: string): Promise<Workspace | undefined>
  listWorkspaces(organizationId: string, page?: Page): Promise<Workspace[]>
  updateWorkspace(
    organizationId: string,
    workspaceId: string,
    patch: Partial<Pick<Workspace, 'name' | 'externalId'>>,
    actor: Actor,
    holds?: Precondition<Workspace>,
  ): Promise<Workspace | undefined>
  deleteWorkspace(organizationId: string, workspaceId: string, actor: Actor): Promise<boolean>
  /** Idempotent. @returns false when key or workspace is not of this organization. */
  grantWorkspace(organizationId: string, keyId: string, workspaceId: string, actor: Actor): Promise<boolean>
  ungrantWorkspace(organizationId: string, keyId: string, workspaceId: string, actor: Actor): Promise<boolean>
  /** What a key is granted, newest workspace first. */
  listKeyWorkspaces(organizationId: string, keyId: string, page?: Page): Promise<Workspace[]>

  createServiceAccount(input: NewServiceAccount, actor: Actor): Promise<ServiceAccount>
  findServiceAccount(organizationId: string, id: string): Promise<ServiceAccount | undefined>
  listServiceAccounts(organizationId: string, page?: Page): Promise<ServiceAccount[]>
  updateServiceAccount(
    organizationId: string,
    id: string,
    patch: ServiceAccountPatch,
    actor: Actor,
    holds?: Precondition<ServiceAccount>,
  ): Promise<ServiceAccount | undefined>

  /** An admin event that goes with no change of its own, for example `api_key.exposed`. */
  appendEvent(event: NewEvent, actor: Actor): Promise<void>
  /**
   * Newest first: in the order of the trail, and with a time in the filter (but no target) by the times of the events. Where
   * they are filtered by more than an index knows of, a bounded number is looked at.
   */
  listEvents(filter?: EventFilter, page?: Search): Promise<Found<AdminEvent>>
  /** One event by its id, of whatever organization. */
  findEvent(eventId: string): Promise<AdminEvent | undefined>

  /** The audit trail as it is stored, oldest first, at most 1000 at a time. */
  listEventChain(afterSeq: number, limit: number): Promise<StoredEvent[]>
  /** The newest event, undefined where there is none. */
  lastEvent(): Promise<Checkpoint | undefined>

  /** What has changed after `seq`, oldest first. Synchronous where the adapter can. `gap`: rows after `seq`
   * were pruned already, or it is another log: a database that has taken over and lacks the newest changes of the one before
   * gives their numbers once more. @param at of the page before. */
  changesSince(seq: number, limit: number, at?: number): ChangePage | Promise<ChangePage>
  /** The newest sequence number of the change log, 0 when empty. */
  latestChange(): number | Promise<number>
  /**
   * Where the database can call: `nudge` is called soon after each commit to the change log, of any node, and whenever calls
   * may have been lost. A hint alone, which may never come: go on polling. @returns what ends it.
   */
  watchChanges?(nudge: () => void): () => void

  /**
   * Requests that have ended; they are counted for analytics. One transaction, durable when resolved. Rows that are there
   * already stay as they are, so that a batch can be sent again.
   */
  insertRequests(rows: readonly RequestRow[]): Promise<void>
  /** The same for requests of which only the decision is known (`audit.durability: strict`). They are not counted yet. */
  admitRequests(rows: readonly RequestRow[]): Promise<void>
  /** Completes admitted rows, and inserts those that never were. What has ended already stays as it is. */
  finishRequests(rows: readonly RequestRow[]): Promise<void>
  /** The same as one of these three, for all the rows in `parts` together: one transaction. */
  writePackedRequests(write: RequestWrite, parts: readonly PackedRequests[]): Promise<void>
  /**
   * Newest first. `organizationId: null` lists rows of no organization. Looks at a bounded number of rows, however many there
   * are: a page may be short, or empty, and there is more behind it.
   */
  listRequests(filter?: RequestFilter, page?: Search): Promise<Found<RequestRow>>
  /** One row by its id, of whatever organization. */
  findRequest(rowId: string): Promise<RequestRow | undefined>
  /**
   * Deletes rows older than `before`, the oldest first: at most `limit` of them, or days whole where the adapter can drop
   * those in one step; then the day (UTC) in which `before` lies stays until it is over. @returns how many went, at the least.
   */
  pruneRequests(before: number, limit: number): Promise<number>
  /** Deletes change-log rows older than `before`. */
  pruneChanges(before: number): Promise<void>
  /** `last_used_at` per secret id. Never moves one back. */
  touchSecrets(lastUsed: ReadonlyMap<string, number>): Promise<void>

  /** Rate-limit counters that outlive a restart. */
  loadCounters(now: number): Promise<Counter[]>
  saveCounters(counters: readonly Counter[]): Promise<void>

  /**
   * Several changes as one: all of them are committed when it resolves, and none when `work` rejects or one of them was
   * refused, whatever `work` makes of that. `work` asks the store that it is given, and waits for nothing else: nobody
   * writes meanwhile. The hot look-up and the change log see what was there before. Ended after 10 s.
   */
  together<T>(work: (store: Store) => Promise<T>): Promise<T>
  /** Resolves when the store answers. */
  ping(): Promise<void>
  close(): Promise<void>
}

/** The store can't answer; the caller of the API gets 503, never a pass. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable'
  /** False where something has to be put right first, a password for example: then waiting does not help. */
  readonly mayPass: boolean
  constructor(message: string, { cause, mayPass = false }: { cause?: unknown; mayPass?: boolean } = {}) {
    super(message, { cause })
    this.mayPass = mayPass
  }
}

/** The store does not take what it was given, and will not the next time: a value that is too much or of the wrong kind. */
export class StoreRefused extends Error {
  override readonly name = 'StoreRefused'
}

/** A uniqueness rule was broken. `field` names what there is already, for example `slug`. */
export class StoreConflict extends Error {
  override readonly name = 'StoreConflict'
  readonly field: string
  constructor(field: string) {
    super(`there is already one with this ${field}`)
    this.field = field
  }
}

/** A precondition did not hold, and nothing was changed. */
export class StoreChanged extends Error {
  override readonly name = 'StoreChanged'
}

/**
 * Asked of the object as it is in the transaction that is to change it: between two that have read the same, only the
 * first wins. On false the method rejects with `StoreChanged`.
 */
export type Precondition<T> = (current: T) => boolean

/**
 * A key that changes others. It is judged in the transaction of the change: one that is revoked, or loses a right, while
 * its request is under way leaves nothing behind.
 */
export interface ActingKey {
  readonly keyId: string
  /** The secret that it came with. */
  readonly secretId: string
  /** @param target the key that is to be deleted; undefined at a creation. */
  readonly holds: (acting: ApiKey, target: ApiKey | undefined) => boolean
}

/** The input names something that is not there, or is another organization's. `field` says what, for example `workspace`. */
export class StoreMissing extends Error {
  override readonly name = 'StoreMissing'
  readonly field: string
  constructor(field: string) {
    super(`there is no such ${field}`)
    this.field = field
  }
}

/** Everything that the decision about one request needs to know of its key, read in one look-up. */
export interface KeyRecord {
  readonly secretId: string
  /** End of the grace period of this secret, null for the newest one. */
  readonly secretExpiresAt: number | null
  readonly keyId: string
  readonly name: string
  /** First 12 characters of the secret in use. */
  readonly keyPrefix: string
  readonly environment: string | null
  readonly scopes: readonly string[]
  readonly createdAt: number
  readonly expiresAt: number | null
  readonly revokedAt: number | null
  readonly lastUsedAt: number | null
  /** As given at creation: a workspace's id or its external id; the key is bound to it. */
  readonly projectId: string | null
  /** CIDRs; empty: any address. */
  readonly allowedIps: readonly string[]
  readonly rateLimit: RateLimitSetting | null
  readonly serviceAccountId: string | null
  /** True when the key has no service account. */
  readonly serviceAccountActive: boolean
  readonly workspaces: readonly WorkspaceRef[]
  readonly organization: Pick<Organization, 'id' | 'name' | 'slug' | 'status' | 'rateLimit'>
}

/** `slug` left out: made from the name, with a number behind it where that one is taken. */
export type NewOrganization = Pick<Organization, 'name'> &
  Partial<Pick<Organization, 'slug' | 'rateLimit' | 'metadata'>>
export type OrganizationPatch = Partial<
  Pick<Organization, 'name' | 'status' | 'statusReason' | 'rateLimit' | 'metadata'>
> & {
  /** With `status: 'suspended'`; root when left out. What root has suspended stays root's until it is active again. */
  readonly suspendedBy?: SuspendedBy
}

export type KeyPatch = Partial<
  Pick<ApiKey, 'name' | 'description' | 'scopes' | 'allowedIps' | 'rateLimit' | 'metadata' | 'system'>
>

export interface KeyFilter {
  readonly status?: 'active' | 'expired' | 'revoked'
  readonly environment?: string
  /** A service account's id, or that of the operator who made keys for no service account. */
  readonly owner?: string
  /** Part of the name, or the start of the key's prefix. */
  readonly q?: string
  readonly system?: boolean
  /** Those that have expired by then, or are revoked and would have. Keys without expiry are none of them. */
  readonly expiresBefore?: number
  /** These alone, as far as the organization has them; at most 1000. */
  readonly ids?: readonly string[]
}

export interface Workspace {
  /** `ws_…` */
  readonly id: string
  readonly organizationId: string
  readonly name: string
  /** The upstream's own id for it; unique in its organization. */
  readonly externalId: string | null
  readonly createdAt: number
  readonly updatedAt: number
}

export type NewWorkspace = Pick<Workspace, 'organizationId' | 'name'> & Partial<Pick<Workspace, 'externalId'>>

export interface ServiceAccount {
  /** `sa_…` */
  readonly id: string
  readonly organizationId: string
  readonly name: string
  readonly slug: string
  readonly description: string
  readonly role: Role
  readonly isActive: boolean
  readonly createdAt: number
  readonly updatedAt: number
}

export type NewServiceAccount = Pick<ServiceAccount, 'organizationId' | 'name' | 'role'> &
  Partial<Pick<ServiceAccount, 'slug' | 'description'>>
export type ServiceAccountPatch = Partial<Pick<ServiceAccount, 'name' | 'description' | 'role' | 'isActive'>>

export interface NewEvent {
  readonly type: EventType
  readonly organizationId: string | null
  /** The id of what was changed. */
  readonly target: string | null
  /** Never a secret. */
  readonly before?: Metadata | null
  readonly after?: Metadata | null
}

export interface AdminEvent extends Required<Omit<NewEvent, 'type'>> {
  /** One of an earlier version may be no EventType. */
  readonly type: string
  /** `evt_…` */
  readonly id: string
  readonly seq: number
  readonly at: number
  readonly actor: Actor
}

export interface EventFilter {
  readonly organizationId?: string
  /** `api_key.revoked`, or `api_key.*` for all that begin so. */
  readonly type?: string
  readonly actorId?: string
  readonly target?: string
  /** Included. */
  readonly since?: number
  /** Not included. */
  readonly until?: number
}

/** One row of the change log: what a node must forget. */
export interface Change {
  readonly seq: number
  readonly kind: 'api_key' | 'organization'
  readonly id: string
}

export interface ChangePage {
  readonly changes: readonly Change[]
  readonly gap: boolean
  /** When the last of them was made, or that of the number asked for; undefined where neither is there. */
  readonly at?: number | undefined
}

/** One request on the data plane, allowed or refused. Nothing in it is a secret, a query string or a body. */
/** Made by `packRequests`. */
export type PackedRequests = Uint8Array

/** As the methods of the store of which this is the first word. */
export type RequestWrite = 'insert' | 'admit' | 'finish'

export interface RequestRow {
  /** A UUIDv7 of our own, not the caller's request id. */
  readonly id: string
  readonly at: number
  readonly organizationId: string | null
  readonly keyId: string | null
  readonly method: string
  /** Canonical, without query. */
  readonly path: string
  /** The pattern of the route, null where none matched. */
  readonly route: string | null
  /** 0 until the answer is known, and where the caller left before there was one. */
  readonly status: number
  /** Of the error catalogue, null when forwarded. */
  readonly code: string | null
  readonly durationMs: number
  readonly upstreamMs: number | null
  readonly bytesIn: number
  readonly bytesOut: number
  readonly ip: string
  readonly userAgent: string | null
  readonly requestId: string
  /** The code that a `shadow: true` route would have refused with. */
  readonly shadowCode: string | null
}

export interface RequestFilter {
  readonly organizationId?: string | null
  readonly keyId?: string
  readonly route?: string
  readonly status?: number
  /** Both included. */
  readonly statusFrom?: number
  readonly statusTo?: number
  readonly code?: string
  readonly method?: string
  /** True: whichever it is. */
  readonly shadowCode?: string | true
  readonly since?: number
  readonly until?: number
}

export interface Counter {
  /** Limit name and bucket in one. */
  readonly key: string
  readonly used: number
  /** When the window ends. */
  readonly endsAt: number
}
