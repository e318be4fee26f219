import type { Clock } from '../clock.ts'
import type { Events } from '../events.ts'
import type { SecretBox } from '../keys/secret-box.ts'
import type { Store } from '../store/store.ts'
import type { WebhookMessage } from '../store/webhooks-store.ts'
import type { ResolveAddresses } from './connect.ts'
import { startDeliverer } from './deliver.ts'
import { startHousekeeping } from './housekeeping.ts'
import { payloadOf, type WebhookPayload, type WebhookRecords } from './message.ts'
import { createSend } from './send.ts'
import { type FreshSecret, newWebhookSecret } from './sign.ts'
import { targetProblem } from './target.ts'

/** Webhooks as the rest of the program sees them. */
export interface Webhooks {
  newSecret(): FreshSecret
  /** What is wrong with a URL, undefined when nothing is. */
  targetProblem(url: string): string | undefined
  payloadOf(message: WebhookMessage): WebhookPayload
  /** Delivers at once what was just made. */
  wake(): void
  /** Takes nothing new, lets what is under way finish for 2 s and breaks off the rest, which is tried again later. */
  close(): Promise<void>
}

export interface WebhooksOptions {
  readonly store: Store
  readonly box: SecretBox
  readonly clock: Clock
  readonly events: Pick<Events, 'webhookDelivered' | 'fault'>
  readonly records: WebhookRecords
  readonly allowPrivate: () => boolean
  readonly redact: (text: string) => string
  readonly version: string
  readonly resolve?: ResolveAddresses
  readonly timeoutMs?: number
  readonly leaseMs?: number
  readonly everyMs?: number
}

/** Starts delivering, and looks after what goes with it. */
export function startWebhooks({
  store,
  box,
  clock,
  events,
  records,
  allowPrivate,
  redact,
  version,
  resolve,
  timeoutMs = 15_000,
  leaseMs = 30_000,
  everyMs = 500,
}: WebhooksOptions): Webhooks {
  const send = createSend({ clock, resolve, allowPrivate, timeoutMs, redact, userAgent: `Sallyport/${version}` })
  const deliverer = startDeliverer({ store, box, clock, events, records, send, leaseMs, everyMs })
  const housekeeping = startHousekeeping({ store, clock, events, wake: () => deliverer.wake() })
  return {
    newSecret: () => newWebhookSecret(box),
    targetProblem: (url) => targetProblem(url, allowPrivate()),
    payloadOf: (message) => payloadOf(message, records),
    wake: () => deliverer.wake(),
    async close() {
      await housekeeping.close()
      await deliverer.close()
    },
  }
}
