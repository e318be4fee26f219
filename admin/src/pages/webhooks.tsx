import { Anchor, Box, Button, Text } from '@mantine/core'
import { useState } from 'react'
import { Link, useLocation } from 'wouter'
import { api, type Schema } from '../api/client.ts'
import { usePages } from '../api/pages.ts'
import { useMay } from '../api/session.tsx'
import { Status } from '../components/badges.tsx'
import { Card } from '../components/card.tsx'
import { saveCsv } from '../components/csv.ts'
import { Empty } from '../components/empty.tsx'
import { FormDrawer } from '../components/form-drawer.tsx'
import { Icon } from '../components/icon.tsx'
import { type Column, ListTable } from '../components/list-table.tsx'
import { Page } from '../components/page.tsx'
import { Time } from '../components/time.tsx'
import { useQueryState } from '../components/use-query-state.ts'
import { useThisOrganization } from '../shell/use-organization.ts'
import { WebhookSecret } from './webhook/webhook-secret.tsx'
import { CreateForm } from './webhooks/webhook-form.tsx'
import { EventBadges, type Webhook } from './webhooks/webhook-types.tsx'

/** Where an organization wants to hear of what happens to its keys. */
export default function WebhooksPage() {
  const organizationId = useThisOrganization()
  const [, go] = useLocation()
  const [{ dialog }, change] = useQueryState(['dialog'])
  const isAdmin = useMay(organizationId, 'admin')
  // The secret is here and nowhere else: no cache, no address, no storage.
  const [made, setMade] = useState<Schema<'WebhookWithSecret'> | undefined>(undefined)
  const pages = usePages(['webhooks', organizationId], (query, signal) =>
    api.GET('/platform/organizations/{organization_id}/webhooks', {
      params: { path: { organization_id: organizationId }, query },
      signal,
    }),
  )
  const to = ({ id }: { id: string }): string => `/o/${organizationId}/webhooks/${id}`
  return (
    <Page
      title="Webhooks"
      about="A URL of yours that is told when something happens to your keys: made, rotated, revoked, about to expire, or seen where it should not be."
      actions={
        <>
          {pages.items.length > 0 && (
            <Button variant="default" onClick={() => saveCsv('webhooks.csv', csvColumns, pages.items)}>
              Save as CSV
            </Button>
          )}
          {isAdmin && (
            <Button leftSection={<Icon name="plus" />} onClick={() => change({ dialog: 'create' })}>
              Create webhook
            </Button>
          )}
        </>
      }
    >
      <Card flush>
        <ListTable
          label="Webhooks"
          pages={pages}
          columns={columns(to)}
          to={to}
          empty={
            <Empty
              icon="webhook"
              title="No webhooks yet"
              code={curl(organizationId)}
              action={isAdmin && <Button onClick={() => change({ dialog: 'create' })}>Create the first one</Button>}
            >
              Each message is signed, so that your side can tell it from a forged one; what was not taken is sent again
              for a day, and every delivery can be seen here.
            </Empty>
          }
        />
      </Card>
      {isAdmin && (
        <FormDrawer opened={dialog === 'create'} title="Create a webhook" onClose={() => change({ dialog: '' })}>
          <CreateForm
            organizationId={organizationId}
            onClose={() => change({ dialog: '' })}
            onMade={(webhook) => {
              change({ dialog: '' })
              setMade(webhook)
            }}
          />
        </FormDrawer>
      )}
      {made !== undefined && (
        <WebhookSecret
          title="The secret of the webhook"
          made={made}
          onDone={() => {
            setMade(undefined)
            go(to(made))
          }}
        />
      )}
    </Page>
  )
}

const columns = (to: (webhook: Webhook) => string): readonly Column<Webhook>[] => [
  {
    name: 'URL',
    cell: (webhook) => (
      <Box miw={200}>
        <Anchor component={Link} href={to(webhook)} size="sm" className="mono" style={{ overflowWrap: 'anywhere' }}>
          {webhook.url}
        </Anchor>
        {webhook.description !== '' && (
          <Text size="xs" className="quiet" style={{ overflowWrap: 'anywhere' }}>
            {webhook.description}
          </Text>
        )}
      </Box>
    ),
  },
  { name: 'Events', wide: true, cell: ({ events }) => <EventBadges events={events} shown={2} /> },
  {
    name: 'Status',
    width: 150,
    cell: ({ status, disabled_reason }) => (
      <>
        <Status of={status} />
        {disabled_reason !== null && (
          <Text size="xs" className="quiet">
            {disabled_reason}
          </Text>
        )}
      </>
    ),
  },
  { name: 'Made', width: 140, wide: true, cell: ({ created_at }) => <Time at={created_at} /> },
]

const curl = (organizationId: string): string =>
  `curl -X POST ${window.location.origin}/platform/organizations/${organizationId}/webhooks \\
  -H "Authorization: Bearer $SALLYPORT_TOKEN" -H "Content-Type: application/json" \\
  -d '{"url": "https://hooks.example.com/sallyport", "events": ["*"]}'`

const csvColumns: Record<string, (webhook: Webhook) => unknown> = {
  id: ({ id }) => id,
  url: ({ url }) => url,
  description: ({ description }) => description,
  events: ({ events }) => events.join(' '),
  status: ({ status }) => status,
  disabled_reason: ({ disabled_reason }) => disabled_reason,
  created_at: ({ created_at }) => created_at,
}
