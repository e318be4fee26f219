import { Text } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useQueryClient } from '@tanstack/react-query'
import { useLocation } from 'wouter'
import { api, ok, type Schema } from '../../api/client.ts'
import { useOnce } from '../../api/once.ts'
import { Confirm } from '../../components/confirm.tsx'
import { useWebhooksChanged } from '../webhooks/webhook-form.tsx'
import type { Webhook } from '../webhooks/webhook-types.tsx'

interface Props {
  readonly webhook: Webhook
  readonly onClose: () => void
}

/** Makes another secret; the one of now signs too, for a day. */
export function RotateSecret({
  webhook: { id, organization_id, previous_secret_expires_at },
  onClose,
  onMade,
}: Props & { onMade: (made: Schema<'WebhookWithSecret'>) => void }) {
  const changed = useWebhooksChanged(organization_id)
  const once = useOnce()
  return (
    <Confirm
      opened
      onClose={onClose}
      title="Rotate the secret?"
      action="Rotate"
      run={async () => {
        const path = { organization_id, webhook_id: id }
        const made = await once(id, (header) =>
          ok(
            api.POST('/platform/organizations/{organization_id}/webhooks/{webhook_id}/rotate-secret', {
              params: { path, header },
            }),
          ),
        )
        onMade(made)
        void changed()
      }}
    >
      <Text size="sm">
        You get a new secret. For 24 hours each message carries a signature of both, so that your side can move over
        without missing one; after that the old one is of no use.
      </Text>
      {previous_secret_expires_at !== null && (
        <Text size="sm" mt="xs" c="var(--warn)">
          A rotation is under way already: the secret of before it stops signing at once.
        </Text>
      )}
    </Confirm>
  )
}

/** Nothing is sent any more until it is switched on. */
export function DisableWebhook({ webhook, onClose }: Props) {
  const set = useSetStatus(webhook)
  return (
    <Confirm
      opened
      onClose={onClose}
      title="Disable this webhook?"
      action="Disable"
      run={async () => {
        await set('disabled')
        notifications.show({ message: 'It is disabled: nothing is sent there.' })
      }}
    >
      Nothing is sent there until it is enabled again. What waits to be sent is given up, and what happens meanwhile is
      not sent later.
    </Confirm>
  )
}

export function useSetStatus({ id, organization_id }: Webhook): (status: 'active' | 'disabled') => Promise<void> {
  const changed = useWebhooksChanged(organization_id)
  return async (status) => {
    const path = { organization_id, webhook_id: id }
    await ok(
      api.PATCH('/platform/organizations/{organization_id}/webhooks/{webhook_id}', {
        params: { path },
        body: { status },
      }),
    )
    await changed()
  }
}

/** Takes it away, with its deliveries. */
export function DeleteWebhook({ webhook: { id, organization_id }, onClose }: Props) {
  const client = useQueryClient()
  const [, go] = useLocation()
  return (
    <Confirm
      opened
      onClose={onClose}
      title="Delete this webhook?"
      action="Delete webhook"
      typed="delete"
      run={async () => {
        const path = { organization_id, webhook_id: id }
        await ok(api.DELETE('/platform/organizations/{organization_id}/webhooks/{webhook_id}', { params: { path } }))
        void client.invalidateQueries({ queryKey: ['webhooks', organization_id] })
        go(`/o/${organization_id}/webhooks`, { replace: true })
        client.removeQueries({ queryKey: ['webhook', organization_id, id] })
        client.removeQueries({ queryKey: ['deliveries', organization_id, id] })
      }}
    >
      Nothing is sent there any more, and its deliveries and secret are gone. This can’t be undone; to stop it for a
      while, disable it.
    </Confirm>
  )
}
