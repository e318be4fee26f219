import { Button, Group, Select, Text } from '@mantine/core'
import { deliveriesLookedAtMax } from '../../../../src/store/basics.ts'
import { api, type Schema } from '../../api/client.ts'
import { usePages } from '../../api/pages.ts'
import { Status, StatusCode } from '../../components/badges.tsx'
import { Card } from '../../components/card.tsx'
import { saveCsv } from '../../components/csv.ts'
import { Empty } from '../../components/empty.tsx'
import { isOneOf } from '../../components/is-one-of.ts'
import { type Column, ListTable } from '../../components/list-table.tsx'
import { MoreToSee, NoneMatch } from '../../components/look-further.tsx'
import { Time } from '../../components/time.tsx'
import { type Look, useLookFurther } from '../../components/use-look-further.ts'
import { useQueryState } from '../../components/use-query-state.ts'
import { deliveryTypes, type Webhook } from '../webhooks/webhook-types.tsx'
import { DeliveryDrawer } from './delivery-drawer.tsx'

export type Delivery = Schema<'WebhookDeliveryRecord'>

/** What was sent, how often, and what came back; new ones come by themselves. */
export function DeliveriesCard({ webhook, mayAct }: { webhook: Webhook; mayAct: boolean }) {
  const { organization_id, id } = webhook
  const [{ delivery, status, type }, change] = useQueryState(['delivery', 'status', 'type'])
  const filter = {
    ...(isOneOf(deliveryStatuses, status) && { status }),
    ...(isOneOf(deliveryTypes, type) && { type }),
  }
  const isFiltered = Object.keys(filter).length > 0
  const pages = usePages<Delivery>(
    ['deliveries', organization_id, id, filter],
    (page, signal) =>
      api.GET('/platform/organizations/{organization_id}/webhooks/{webhook_id}/deliveries', {
        params: { path: { organization_id, webhook_id: id }, query: { ...page, ...filter } },
        signal,
      }),
    {
      limit,
      refetchInterval: (items, pages) => {
        // Where thousands are looked through for a page, it stays as it is.
        if (isFiltered && pages > 1) return Number.POSITIVE_INFINITY
        return items.length > 2 * limit ? 30_000 : items.some(isDueSoon) ? 1500 : 8000
      },
    },
  )
  const look = useLookFurther(JSON.stringify([id, filter]), pages, {
    ...{ limit, enabled: true, what: 'deliveries', each: deliveriesLookedAtMax },
  })
  const { items } = pages
  const found = items.find((item) => item.id === delivery)
  return (
    <Card
      title="Deliveries"
      about="Newest first, kept for 30 days. The list keeps itself up to date."
      actions={
        items.length > 0 && (
          <Button variant="default" size="xs" onClick={() => saveCsv('deliveries.csv', csvColumns, items)}>
            Save as CSV
          </Button>
        )
      }
      flush
    >
      <Group gap="xs" role="search" px="md" pb="sm">
        <Select
          aria-label="Status of the delivery"
          placeholder="Any status"
          data={[...deliveryStatuses]}
          value={filter.status ?? null}
          onChange={(next) => change({ status: next ?? '' })}
          clearable
          size="xs"
          w={140}
        />
        <Select
          aria-label="Type of the event"
          placeholder="Any event"
          data={[...deliveryTypes]}
          value={filter.type ?? null}
          onChange={(next) => change({ type: next ?? '' })}
          clearable
          searchable
          size="xs"
          w={200}
        />
      </Group>
      <ListTable
        label="Deliveries"
        pages={pages}
        columns={columns}
        onOpen={(item) => change({ delivery: item.id })}
        ends
        empty={<Nothing isFiltered={isFiltered} look={look} onClear={() => change({ status: '', type: '' })} />}
      />
      {items.length > 0 && <MoreToSee look={look} query={pages.query} />}
      <DeliveryDrawer
        webhook={webhook}
        deliveryId={delivery}
        found={found}
        mayAct={mayAct && webhook.status === 'active'}
        onOpen={(next) => change({ delivery: next })}
        onClose={() => change({ delivery: '' })}
      />
    </Card>
  )
}

const limit = 50
const deliveryStatuses = ['pending', 'delivered', 'failed'] as const satisfies readonly Delivery['status'][]

function Nothing({ isFiltered, look, onClear }: { isFiltered: boolean; look: Look; onClear: () => void }) {
  if (isFiltered || look.state !== 'none') {
    return (
      <NoneMatch title="No delivery matches" look={look} onClear={onClear}>
        Deliveries are kept for 30 days.
      </NoneMatch>
    )
  }
  return (
    <Empty icon="webhook" title="Nothing was sent yet">
      Messages stand here from the moment something happens that this webhook asks for. Send a test to see whether your
      side takes them.
    </Empty>
  )
}

/** Somebody who sends a test waits for what comes of it. */
const isDueSoon = ({ status, next_attempt_at }: Delivery): boolean =>
  status === 'pending' && (next_attempt_at === null || Date.parse(next_attempt_at) - Date.now() < 20_000)

const columns: readonly Column<Delivery>[] = [
  { name: 'Status', width: 110, cell: ({ status }) => <Status of={status} /> },
  {
    name: 'Event',
    cell: ({ type, redelivery_of }) => (
      <>
        <span className="mono">{type}</span>
        {redelivery_of !== null && (
          <Text size="xs" className="quiet">
            sent again
          </Text>
        )}
      </>
    ),
  },
  {
    name: 'Answer',
    cell: (delivery) => <Answer delivery={delivery} />,
  },
  {
    name: 'Attempts',
    wide: true,
    width: 130,
    cell: ({ attempts, next_attempt_at }) => (
      <>
        <span className="numbers">{attempts}</span>
        {next_attempt_at !== null && (
          <Text size="xs" className="quiet">
            next <Time at={next_attempt_at} />
          </Text>
        )}
      </>
    ),
  },
  { name: 'Made', width: 140, wide: true, cell: ({ created_at }) => <Time at={created_at} /> },
]

/** What the last attempt got. */
export function Answer({ delivery: { response, finished_at } }: { delivery: Delivery }) {
  if (response === null) return <span className="quiet">{finished_at === null ? 'none yet' : 'was not sent'}</span>
  const took = (
    <Text span size="xs" className="quiet numbers">
      {Math.round(response.duration_ms)} ms
    </Text>
  )
  return (
    <Group gap={6}>
      {response.status_code === null ? (
        <Text size="sm" c="var(--mantine-color-error)" style={{ overflowWrap: 'anywhere' }}>
          {response.error ?? 'no answer'}
        </Text>
      ) : (
        <StatusCode status={response.status_code} />
      )}
      {took}
    </Group>
  )
}

const csvColumns: Record<string, (delivery: Delivery) => unknown> = {
  id: ({ id }) => id,
  event_id: ({ event_id }) => event_id,
  type: ({ type }) => type,
  status: ({ status }) => status,
  attempts: ({ attempts }) => attempts,
  status_code: ({ response }) => response?.status_code,
  error: ({ response }) => response?.error,
  duration_ms: ({ response }) => response?.duration_ms,
  next_attempt_at: ({ next_attempt_at }) => next_attempt_at,
  redelivery_of: ({ redelivery_of }) => redelivery_of,
  created_at: ({ created_at }) => created_at,
  finished_at: ({ finished_at }) => finished_at,
}
