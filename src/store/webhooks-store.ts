import type { Actor, Found, Page, Search } from './basics.ts'
import type { ApiKey, Organization } from './objects.ts'
import type { Sealed } from './sealed-secrets-store.ts'

/**
 * Webhooks and their outbox. A change that a webhook asks for writes a delivery in the transaction of the change; whoever
 * delivers takes a lease on it, so that two processes never have it in hand at once.
 */
export interface WebhookStore {
  /** @returns 'full' when the organization has as many as it may have. */
  createWebhook(input: NewWebhook, actor: Actor): Promise<Webhook | 'full'>
  findWebhook(organizationId: string, webhookId: string): Promise<Webhook | undefined>
  /** Newest first. */
  listWebhooks(organizationId: string, page?: Page): Promise<Webhook[]>
  /** Disabling gives up what waits for it. */
  updateWebhook(
    organizationId: string,
    webhookId: string,
    patch: WebhookPatch,
    actor: Actor,
    holds?: (current: Webhook) => boolean,
  ): Promise<Webhook | undefined>
  /** The secret so far goes on to sign until `previousEndsAt`; one that was kept from an earlier rotation ends at once. */
  rotateWebhookSecret(
    organizationId: string,
    webhookId: string,
    seal: SealWebhookSecret,
    previousEndsAt: number,
    actor: Actor,
  ): Promise<Webhook | undefined>
  /** The one that signs from now on, not the one before it. */
  findWebhookSecret(
    organizationId: string,
    webhookId: string,
  ): Promise<(WebhookSecretOwner & { readonly sealed: Uint8Array }) | undefined>
  /** With its deliveries. */
  deleteWebhook(organizationId: string, webhookId: string, actor: Actor): Promise<boolean>

  /** A `webhook.test` for this one alone, whatever types it asks for. */
  testWebhook(organizationId: string, webhookId: string, actor: Actor): Promise<Delivery | 'disabled' | undefined>
  /** The same message again, as a delivery of its own. */
  redeliver(organizationId: string, deliveryId: string, actor: Actor): Promise<Delivery | 'disabled' | undefined>
  findDelivery(organizationId: string, deliveryId: string): Promise<Delivery | undefined>
  /** Newest first. With a filter a bounded number is looked at. */
  listDeliveries(
    organizationId: string,
    webhookId: string,
    filter?: DeliveryFilter,
    page?: Search,
  ): Promise<Found<Delivery>>

  /**
   * Leases deliveries that are due and counts an attempt for each. At most `perWebhook` of one webhook are out at any time,
   * over all processes. A lease that is not finished in `leaseMs` ends by itself: the delivery is due again.
   */
  claimDeliveries(wanted: {
    readonly limit: number
    readonly perWebhook: number
    readonly leaseMs: number
  }): Promise<ClaimedDelivery[]>
  /** Writes down what came of a claim. Does nothing when its lease has ended and somebody else has it. */
  finishDelivery(claim: Pick<ClaimedDelivery, 'id' | 'lease'>, outcome: DeliveryOutcome): Promise<void>
  /** Deletes deliveries made before that time, at most `limit` of them. @returns how many went. */
  pruneDeliveries(before: number, limit: number): Promise<number>

  /**
   * Writes `api_key.expiring` for keys that expire within 14, 7 or 1 days: once for each of these, and only the nearest
   * where several are due. Keys that live no longer than that from their start are left out of it.
   * @returns how many events were written; as many as `limit` means that there may be more.
   */
  noticeExpiringKeys(limit: number): Promise<number>
}

/** What a webhook can ask for. */
export const webhookTypes = [
  'api_key.created',
  'api_key.updated',
  'api_key.rotated',
  'api_key.revoked',
  'api_key.expiring',
  'api_key.exposed',
  'organization.suspended',
  'organization.resumed',
  'webhook.test',
] as const
export type WebhookType = (typeof webhookTypes)[number]

export interface Webhook {
  /** `wh_…` */
  readonly id: string
  readonly organizationId: string
  readonly url: string
  readonly description: string
  /** `*` for all, those of later versions included. */
  readonly events: readonly (WebhookType | '*')[]
  readonly status: WebhookStatus
  /** Why it was disabled, null when active. */
  readonly disabledReason: string | null
  /** Until then the secret before the last rotation signs too. */
  readonly previousSecretEndsAt: number | null
  readonly createdAt: number
  readonly updatedAt: number
}

export type WebhookStatus = 'active' | 'disabled'

export type NewWebhook = Pick<Webhook, 'organizationId' | 'url' | 'description' | 'events'> & {
  readonly seal: SealWebhookSecret
}
export type WebhookPatch = Partial<Pick<Webhook, 'url' | 'description' | 'events' | 'status'>>

/** Whose secret it is; its ciphertext is bound to these ids. */
export interface WebhookSecretOwner {
  readonly secretId: string
  readonly webhookId: string
  readonly organizationId: string
}

/** Called by the store, which alone knows the ids; it never gets the secret itself. */
export type SealWebhookSecret = (owner: WebhookSecretOwner) => Sealed

export interface Delivery {
  /** `dlv_…` */
  readonly id: string
  readonly organizationId: string
  readonly webhookId: string
  /** The admin event that it tells of: what the receiver sees as `webhook-id`, in every attempt and redelivery. */
  readonly eventId: string
  readonly message: WebhookMessage
  readonly status: DeliveryStatus
  readonly attempts: number
  /** Null when no further one is due. */
  readonly nextAttemptAt: number | null
  /** Of the last attempt, null before the first has ended. */
  readonly response: DeliveryResponse | null
  /** The delivery that this one repeats. */
  readonly redeliveryOf: string | null
  readonly createdAt: number
  readonly finishedAt: number | null
}

export const deliveryStatuses = ['pending', 'delivered', 'failed'] as const
export type DeliveryStatus = (typeof deliveryStatuses)[number]

export interface DeliveryFilter {
  readonly status?: DeliveryStatus
  readonly type?: WebhookType
}

/** What happened, as it was at that time. */
export interface WebhookMessage {
  readonly type: WebhookType
  readonly at: number
  readonly subject: WebhookSubject
}

export type WebhookSubject =
  | { readonly kind: 'api_key'; readonly key: ApiKey }
  | { readonly kind: 'organization'; readonly organization: Organization }
  | { readonly kind: 'webhook'; readonly id: string; readonly organizationId: string }

export interface DeliveryResponse {
  readonly at: number
  /** Null when there was none. */
  readonly status: number | null
  readonly durationMs: number
  /** Its first 1 KB. */
  readonly body: string
  /** Why there is no status, null when there is one. */
  readonly error: string | null
}

export interface ClaimedDelivery extends Pick<Delivery, 'id' | 'webhookId' | 'organizationId' | 'eventId' | 'message'> {
  /** Names this lease. */
  readonly lease: string
  /** This one included. */
  readonly attempts: number
  readonly url: string
  /** The current one first, then the one before while it is still in use. */
  readonly secrets: readonly (WebhookSecretOwner & { readonly sealed: Uint8Array })[]
}

/** `gone`: the target wants no more, the webhook is disabled. */
export type DeliveryOutcome = { readonly response: DeliveryResponse } & (
  | { readonly result: 'delivered' | 'failed' | 'gone' }
  | { readonly result: 'retried'; readonly nextAttemptAt: number }
)
