import PQueue from 'p-queue'
import pRetry from 'p-retry'
import type { Clock } from '../clock.ts'
import type { Events, WebhookResult } from '../events.ts'
import type { SecretBox } from '../keys/secret-box.ts'
import type { Store } from '../store/store.ts'
import type { ClaimedDelivery, DeliveryOutcome, DeliveryResponse } from '../store/webhooks-store.ts'
import { payloadOf, type WebhookRecords } from './message.ts'
import { nextAttemptAt } from './schedule.ts'
import type { Send } from './send.ts'
import { signedHeaders } from './sign.ts'

export interface Deliverer {
  /** Looks at once whether something is due. */
  wake(): void
  /** Takes nothing new, lets what is under way finish for 2 s and breaks off the rest, which is tried again later. */
  close(): Promise<void>
}

export interface DelivererOptions {
  readonly store: Pick<Store, 'claimDeliveries' | 'finishDelivery'>
  readonly box: SecretBox
  readonly clock: Clock
  readonly events: Pick<Events, 'webhookDelivered' | 'fault'>
  readonly records: WebhookRecords
  readonly send: Send
  readonly everyMs?: number
  /** Longer than one attempt can take. */
  readonly leaseMs?: number
  readonly random?: () => number
}

/**
 * Delivers what the outbox holds. What is due, who has it in hand and when to try again is all in the store: this process
 * may be killed at any moment, and others may do the same beside it. At most 64 deliveries are under way, and two of one
 * webhook, so that a target which lets every attempt run out of time does not hold up the others.
 */
export function startDeliverer({
  store,
  box,
  clock,
  events,
  records,
  send,
  everyMs = 500,
  leaseMs = 30_000,
  random = Math.random,
}: DelivererOptions): Deliverer {
  const queue = new PQueue({ concurrency: concurrencyMax })
  const stopping = new AbortController()
  let closed = false
  let claiming: Promise<void> | undefined
  let askedAgain = false

  const claim = async (): Promise<void> => {
    do {
      askedAgain = false
      const limit = concurrencyMax - queue.pending - queue.size
      if (limit <= 0 || closed) return
      const claims = await store.claimDeliveries({ limit, perWebhook, leaseMs })
      // A place that becomes free is filled at once: a backlog must not wait for the clock.
      for (const one of claims) void queue.add(() => deliver(one)).then(wake)
    } while (askedAgain)
  }

  const wake = (): void => {
    askedAgain = true
    claiming ??= claim()
      .catch((error: unknown) => events.fault('webhooks', error))
      .finally(() => {
        claiming = undefined
      })
  }

  /** Never rejects. */
  const deliver = async (claimed: ClaimedDelivery): Promise<void> => {
    try {
      const outcome = outcomeOf(await attempt(claimed), claimed.attempts, clock.now(), random())
      // Worth several tries: what is not written down is delivered once more.
      await pRetry(() => store.finishDelivery(claimed, outcome), { retries: 3, minTimeout: 200, unref: true })
      events.webhookDelivered(outcome.result, {
        webhookId: claimed.webhookId,
        deliveryId: claimed.id,
        attempts: claimed.attempts,
        status: outcome.response.status,
        error: outcome.response.error,
        durationMs: outcome.response.durationMs,
      })
    } catch (error) {
      events.fault('webhooks', error)
    }
  }

  const attempt = async ({ eventId, message, secrets, url }: ClaimedDelivery): Promise<DeliveryResponse> => {
    const at = clock.now()
    const body = JSON.stringify(payloadOf(message, records))
    let headers: Record<string, string>
    try {
      headers = signedHeaders(box, secrets, { id: eventId, at, body })
    } catch (error) {
      events.fault('webhook secret', error)
      return { at, status: null, durationMs: 0, body: '', error: 'the secret could not be read; rotate it' }
    }
    return send(url, headers, body, stopping.signal)
  }

  const timer = setInterval(wake, everyMs).unref()
  wake()
  return {
    wake,
    async close() {
      closed = true
      clearInterval(timer)
      await claiming
      const stop = setTimeout(() => stopping.abort(), closeWithinMs)
      await queue.onIdle()
      clearTimeout(stop)
    },
  }
}

/** 2xx alone is success. 410: the target wants no more. */
function outcomeOf(
  response: DeliveryResponse,
  attempts: number,
  now: number,
  random: number,
): DeliveryOutcome & { readonly result: WebhookResult } {
  const { status } = response
  if (status !== null && status >= 200 && status < 300) return { result: 'delivered', response }
  if (status === 410) return { result: 'gone', response }
  const next = nextAttemptAt(attempts, now, random)
  return next === undefined ? { result: 'failed', response } : { result: 'retried', response, nextAttemptAt: next }
}

const concurrencyMax = 64
const perWebhook = 2
const closeWithinMs = 2000
