import { Anchor, Button, Drawer, Group, Skeleton, Stack, Text, Title } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useQueryClient } from '@tanstack/react-query'
import { ApiError, api, ok } from '../../api/client.ts'
import { useOnce } from '../../api/once.ts'
import { Status } from '../../components/badges.tsx'
import { CopyText } from '../../components/copy-text.tsx'
import { Empty } from '../../components/empty.tsx'
import { ErrorNote } from '../../components/error-note.tsx'
import { Fact, Facts } from '../../components/facts.tsx'
import { Icon } from '../../components/icon.tsx'
import { JsonBlock } from '../../components/json-block.tsx'
import { Time } from '../../components/time.tsx'
import { useReturnFocus } from '../../components/use-return-focus.ts'
import { useSubmit } from '../../components/use-submit.ts'
import type { Webhook } from '../webhooks/webhook-types.tsx'
import { Answer, type Delivery } from './deliveries-card.tsx'
import { useDelivery } from './use-delivery.ts'

/** One delivery: what was sent, what came back, and sending it once more. */
export function DeliveryDrawer({
  webhook,
  deliveryId,
  found,
  mayAct,
  onOpen,
  onClose,
}: {
  webhook: Webhook
  /** Empty: closed. */
  deliveryId: string
  /** The one, where the list has it. */
  found: Delivery | undefined
  mayAct: boolean
  onOpen: (deliveryId: string) => void
  onClose: () => void
}) {
  useReturnFocus(deliveryId !== '')
  const { delivery, error, retry } = useDelivery(webhook, deliveryId, found)
  return (
    <Drawer
      opened={deliveryId !== ''}
      onClose={onClose}
      position="right"
      size="min(560px, 100%)"
      title={
        delivery === undefined ? (
          'Delivery'
        ) : (
          <Group gap="xs">
            <Status of={delivery.status} />
            <span className="mono">{delivery.type}</span>
          </Group>
        )
      }
    >
      {delivery !== undefined ? (
        <Content key={delivery.id} webhook={webhook} delivery={delivery} mayAct={mayAct} onOpen={onOpen} />
      ) : error instanceof ApiError && error.status === 404 ? (
        <Empty icon="webhook" title="There is no such delivery">
          Deliveries are kept for 30 days; or it belongs to another webhook.
        </Empty>
      ) : error !== null ? (
        <ErrorNote error={error} retry={retry} />
      ) : (
        <Stack aria-busy="true">
          <Skeleton h={160} />
          <Skeleton h={300} />
        </Stack>
      )}
    </Drawer>
  )
}

function Content({
  webhook,
  delivery,
  mayAct,
  onOpen,
}: {
  webhook: Webhook
  delivery: Delivery
  mayAct: boolean
  onOpen: (deliveryId: string) => void
}) {
  const { response, redelivery_of: earlier } = delivery
  return (
    <Stack gap="lg">
      <Facts>
        <Fact name="Made">
          <Time at={delivery.created_at} />
        </Fact>
        <Fact name="Attempts">{delivery.attempts}</Fact>
        {delivery.next_attempt_at !== null && (
          <Fact name="Next attempt">
            <Time at={delivery.next_attempt_at} />
          </Fact>
        )}
        <Fact name="Finished">
          <Time at={delivery.finished_at} none="not yet" />
        </Fact>
        <Fact name="webhook-id">
          <CopyText text={delivery.event_id} />
        </Fact>
        {earlier !== null && (
          <Fact name="Sent again from">
            <Anchor component="button" type="button" size="sm" className="mono" onClick={() => onOpen(earlier)}>
              {earlier}
            </Anchor>
          </Fact>
        )}
      </Facts>
      {mayAct && <Redeliver webhook={webhook} delivery={delivery} onMade={onOpen} />}
      <section>
        <Title order={3} size="h6" mb="xs">
          Last answer
        </Title>
        <Group gap="xs" mb={response === null || response.body === '' ? 0 : 'xs'}>
          <Answer delivery={delivery} />
          {response !== null && (
            <Text size="xs" className="quiet" component="div">
              <Time at={response.at} />
            </Text>
          )}
        </Group>
        {response !== null && response.body !== '' && <JsonBlock value={response.body} label="Body of the answer" />}
        {response !== null && response.status_code !== null && response.body === '' && (
          <Text size="sm" className="quiet">
            Without a body.
          </Text>
        )}
      </section>
      <section>
        <Title order={3} size="h6" mb="xs">
          What was sent
        </Title>
        <JsonBlock value={delivery.payload} label="What was sent" />
      </section>
    </Stack>
  )
}

function Redeliver({
  webhook: { organization_id, id },
  delivery,
  onMade,
}: {
  webhook: Webhook
  delivery: Delivery
  onMade: (deliveryId: string) => void
}) {
  const client = useQueryClient()
  const once = useOnce()
  const { submit, busy, error } = useSubmit(async () => {
    const path = { organization_id, webhook_id: id, delivery_id: delivery.id }
    const made = await once(delivery.id, (header) =>
      ok(
        api.POST('/platform/organizations/{organization_id}/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver', {
          params: { path, header },
        }),
      ),
    )
    await client.invalidateQueries({ queryKey: ['deliveries', organization_id, id] })
    notifications.show({ message: 'It is on its way once more.' })
    onMade(made.id)
  })
  return (
    <Stack gap="xs" align="flex-start">
      <Button
        variant={delivery.status === 'failed' ? 'filled' : 'default'}
        leftSection={<Icon name="refresh" size={16} />}
        loading={busy}
        onClick={() => submit()}
      >
        Send it again
      </Button>
      {error !== undefined && <ErrorNote error={error} />}
    </Stack>
  )
}
