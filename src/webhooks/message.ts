import type { ApiKey, Organization } from '../store/store.ts'
import type { WebhookMessage } from '../store/webhooks-store.ts'

/** How objects look from outside: the same as in the admin API. */
export interface WebhookRecords {
  apiKey(key: ApiKey, now: number): object
  organization(organization: Organization): object
}

export interface WebhookPayload {
  readonly type: string
  /** Of what happened, ISO 8601. */
  readonly timestamp: string
  readonly data: object
}

/** The body of a message. The same for every attempt, down to the byte. */
export const payloadOf = ({ type, at, subject }: WebhookMessage, records: WebhookRecords): WebhookPayload => ({
  type,
  timestamp: new Date(at).toISOString(),
  data: dataOf(subject, at, records),
})

function dataOf(subject: WebhookMessage['subject'], at: number, records: WebhookRecords): object {
  switch (subject.kind) {
    case 'api_key':
      return records.apiKey(subject.key, at)
    case 'organization':
      return records.organization(subject.organization)
    case 'webhook':
      return { webhook_id: subject.id, organization_id: subject.organizationId }
  }
}
