import { TextInput } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, ok, type Schema } from '../../api/client.ts'
import { useOnce } from '../../api/once.ts'
import type { Tagged } from '../../api/tagged.ts'
import { Form } from '../../components/form-drawer.tsx'
import { EventsInput, type EventType, type Webhook } from './webhook-types.tsx'

/** After a change of webhooks: everything that shows them. */
export function useWebhooksChanged(organizationId: string): () => Promise<void> {
  const client = useQueryClient()
  return async () => {
    void client.invalidateQueries({ queryKey: ['webhooks', organizationId] })
    await client.invalidateQueries({ queryKey: ['webhook', organizationId] })
  }
}

export function CreateForm({
  organizationId,
  onClose,
  onMade,
}: {
  organizationId: string
  onClose: () => void
  onMade: (made: Schema<'WebhookWithSecret'>) => void
}) {
  const changed = useWebhooksChanged(organizationId)
  const once = useOnce()
  const [fields, setFields] = useState<Fields>({ url: '', description: '', events: ['*'] })
  const create = async (): Promise<void> => {
    const body = bodyOf(fields)
    const path = { organization_id: organizationId }
    const made = await once(body, (header) =>
      ok(api.POST('/platform/organizations/{organization_id}/webhooks', { params: { path, header }, body })),
    )
    void changed()
    onMade(made)
  }
  return (
    <Form action="Create" ready={isReady(fields)} run={create} onCancel={onClose}>
      {(problem) => <Inputs fields={fields} onChange={setFields} problem={problem} />}
    </Form>
  )
}

export function EditForm({
  now,
  onClose,
  startAgain,
}: {
  now: Tagged<Webhook>
  onClose: () => void
  startAgain: () => void
}) {
  // As it was when somebody began: what is fetched meanwhile must not change under their hands.
  const [{ item, etag }] = useState(now)
  const changed = useWebhooksChanged(item.organization_id)
  const [fields, setFields] = useState<Fields>({ url: item.url, description: item.description, events: item.events })
  const save = async (): Promise<void> => {
    const path = { organization_id: item.organization_id, webhook_id: item.id }
    const params = { path, header: { 'If-Match': etag } }
    await ok(
      api.PATCH('/platform/organizations/{organization_id}/webhooks/{webhook_id}', { params, body: bodyOf(fields) }),
    )
    await changed()
    onClose()
  }
  return (
    <Form action="Save" ready={isReady(fields)} run={save} onCancel={onClose} startAgain={startAgain}>
      {(problem) => <Inputs fields={fields} onChange={setFields} problem={problem} />}
    </Form>
  )
}

interface Fields {
  readonly url: string
  readonly description: string
  readonly events: readonly EventType[]
}

const bodyOf = ({ url, description, events }: Fields) => ({ url: url.trim(), description, events: [...events] })
const isReady = ({ url, events }: Fields): boolean => url.trim() !== '' && events.length > 0

function Inputs({
  fields,
  onChange,
  problem,
}: {
  fields: Fields
  onChange: (fields: Fields) => void
  problem: (path: string) => string | undefined
}) {
  return (
    <>
      <TextInput
        label="URL"
        description="Gets a POST with JSON for each event, signed as Standard Webhooks has it. Any answer of 2xx within 15 seconds counts as taken."
        placeholder="https://hooks.example.com/sallyport"
        value={fields.url}
        onChange={(event) => onChange({ ...fields, url: event.currentTarget.value })}
        error={problem('url')}
        maxLength={2048}
        autoComplete="off"
        spellCheck={false}
        inputMode="url"
        data-autofocus
        required
      />
      <TextInput
        label="Description"
        placeholder="Tells the on-call channel"
        value={fields.description}
        onChange={(event) => onChange({ ...fields, description: event.currentTarget.value })}
        error={problem('description')}
        maxLength={2000}
        autoComplete="off"
      />
      <EventsInput
        value={fields.events}
        onChange={(events) => onChange({ ...fields, events })}
        error={problem('events')}
      />
    </>
  )
}
