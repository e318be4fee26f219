import { ActionIcon, Alert, Anchor, Button, Grid, Menu, Text } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useQueryClient } from '@tanstack/react-query'
import { useRef, useState } from 'react'
import { Link, useParams } from 'wouter'
import { ApiError, api, ok, type Schema } from '../api/client.ts'
import { useOnce } from '../api/once.ts'
import { useMay } from '../api/session.tsx'
import { useTagged } from '../api/tagged.ts'
import { Status } from '../components/badges.tsx'
import { Card } from '../components/card.tsx'
import { CopyText } from '../components/copy-text.tsx'
import { Empty } from '../components/empty.tsx'
import { ErrorNote } from '../components/error-note.tsx'
import { Fact, Facts } from '../components/facts.tsx'
import { EditDrawer } from '../components/form-drawer.tsx'
import { Icon } from '../components/icon.tsx'
import { Page } from '../components/page.tsx'
import { PageSkeleton } from '../components/page-skeleton.tsx'
import { Time } from '../components/time.tsx'
import { useQueryState } from '../components/use-query-state.ts'
import { useThisOrganization } from '../shell/use-organization.ts'
import { DeliveriesCard } from './webhook/deliveries-card.tsx'
import { DeleteWebhook, DisableWebhook, RotateSecret, useSetStatus } from './webhook/webhook-dialogs.tsx'
import { WebhookSecret } from './webhook/webhook-secret.tsx'
import { EditForm } from './webhooks/webhook-form.tsx'
import { EventBadges, type Webhook } from './webhooks/webhook-types.tsx'

/** One webhook: what it is told, and what became of each message. */
export default function WebhookPage() {
  const organizationId = useThisOrganization()
  const { webhook: webhookId = '' } = useParams<{ webhook: string }>()
  const query = useWebhook(organizationId, webhookId)
  const { data, error, refetch } = query
  if (data !== undefined) return <WithWebhook key={data.item.id} webhook={data.item} />
  if (error === null) return <PageSkeleton />
  if (!(error instanceof ApiError && error.status === 404)) {
    return <ErrorNote error={error} retry={() => void refetch()} />
  }
  return (
    <Empty
      icon="webhook"
      title="There is no such webhook"
      action={
        <Anchor component={Link} href={`/o/${organizationId}/webhooks`}>
          To the webhooks
        </Anchor>
      }
    >
      It was deleted, or belongs to another organization.
    </Empty>
  )
}

const useWebhook = (organizationId: string, webhookId: string) =>
  useTagged(
    ['webhook', organizationId, webhookId],
    (signal) =>
      api.GET('/platform/organizations/{organization_id}/webhooks/{webhook_id}', {
        params: { path: { organization_id: organizationId, webhook_id: webhookId } },
        signal,
      }),
    // A target that answers 410 disables it by itself.
    { enabled: webhookId !== '', refetchInterval: 30_000 },
  )

type Dialog = 'edit' | 'rotate' | 'disable' | 'delete'

function WithWebhook({ webhook }: { webhook: Webhook }) {
  const isAdmin = useMay(webhook.organization_id, 'admin')
  const [{ dialog }, change] = useQueryState(['dialog'])
  const [error, setError] = useState<unknown>(undefined)
  // The secret is here and nowhere else: no cache, no address, no storage.
  const [made, setMade] = useState<Schema<'WebhookWithSecret'> | undefined>(undefined)
  const query = useWebhook(webhook.organization_id, webhook.id)
  const setStatus = useSetStatus(webhook)
  const isActive = webhook.status === 'active'
  const open = (next: Dialog | ''): void => change({ dialog: next })
  const isOpen = (name: Dialog): boolean => isAdmin && dialog === name
  const close = (): void => open('')
  const enable = (): void => {
    setError(undefined)
    setStatus('active').then(() => notifications.show({ message: 'It is enabled again.' }), setError)
  }
  return (
    <Page
      title={hostOf(webhook.url)}
      about={webhook.description || undefined}
      back={{ to: `/o/${webhook.organization_id}/webhooks`, label: 'Webhooks' }}
      badges={<Status of={webhook.status} />}
      actions={
        isAdmin && (
          <>
            <Button variant="default" leftSection={<Icon name="pencil" size={16} />} onClick={() => open('edit')}>
              Edit
            </Button>
            {isActive ? <TestButton webhook={webhook} onError={setError} /> : <Button onClick={enable}>Enable</Button>}
            <MoreMenu isActive={isActive} open={open} />
          </>
        )
      }
    >
      {error !== undefined && <ErrorNote error={error} />}
      {!isActive && (
        <Alert color="yellow" icon={<Icon name="warning" />} title="Nothing is sent there">
          {webhook.disabled_reason !== null && `Why: ${webhook.disabled_reason}. `}
          {isAdmin && 'Once your side takes messages again, enable it. What happens meanwhile is not sent later.'}
        </Alert>
      )}
      <Grid gap="lg">
        <Grid.Col span={{ base: 12, md: 8 }} order={{ base: 2, md: 1 }}>
          <DeliveriesCard webhook={webhook} mayAct={isAdmin} />
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 4 }} order={{ base: 1, md: 2 }}>
          <Card title="Webhook">
            <Facts>
              <div>
                <Text component="dt" size="sm" className="quiet">
                  URL
                </Text>
                <Text component="dd" m={0} size="sm" style={{ overflowWrap: 'anywhere' }}>
                  <CopyText text={webhook.url} />
                </Text>
              </div>
              <div>
                <Text component="dt" size="sm" className="quiet" mb={4}>
                  Events
                </Text>
                <Text component="dd" m={0}>
                  <EventBadges events={webhook.events} />
                </Text>
              </div>
              <Fact name="Old secret ends">
                {!isAhead(webhook.previous_secret_expires_at) ? (
                  <span className="quiet">there is none</span>
                ) : (
                  <Time at={webhook.previous_secret_expires_at} />
                )}
              </Fact>
              <Fact name="Made">
                <Time at={webhook.created_at} />
              </Fact>
              <Fact name="Changed">
                <Time at={webhook.updated_at} />
              </Fact>
              <Fact name="History">
                <Anchor component={Link} href={`/o/${webhook.organization_id}/events?target=${webhook.id}`} size="sm">
                  Events of this webhook
                </Anchor>
              </Fact>
            </Facts>
          </Card>
        </Grid.Col>
      </Grid>
      <EditDrawer opened={isOpen('edit')} title="Edit the webhook" onClose={close} query={query}>
        {(now, startAgain) => <EditForm now={now} startAgain={startAgain} onClose={close} />}
      </EditDrawer>
      {isOpen('rotate') && <RotateSecret webhook={webhook} onClose={close} onMade={setMade} />}
      {isOpen('disable') && isActive && <DisableWebhook webhook={webhook} onClose={close} />}
      {isOpen('delete') && <DeleteWebhook webhook={webhook} onClose={close} />}
      {made !== undefined && (
        <WebhookSecret title="The new secret of the webhook" made={made} onDone={() => setMade(undefined)} />
      )}
    </Page>
  )
}

/** Sends a webhook.test, and opens what becomes of it. */
function TestButton({
  webhook: { id, organization_id },
  onError,
}: {
  webhook: Webhook
  onError: (error: unknown) => void
}) {
  const client = useQueryClient()
  const once = useOnce()
  const [, change] = useQueryState(['delivery'])
  const button = useRef<HTMLButtonElement>(null)
  const [busy, setBusy] = useState(false)
  const test = async (): Promise<void> => {
    setBusy(true)
    onError(undefined)
    try {
      const path = { organization_id, webhook_id: id }
      const delivery = await once(id, (header) =>
        ok(
          api.POST('/platform/organizations/{organization_id}/webhooks/{webhook_id}/test', {
            params: { path, header },
          }),
        ),
      )
      await client.invalidateQueries({ queryKey: ['deliveries', organization_id, id] })
      setBusy(false)
      // A button that is busy has no focus: back to it, so that it is there when the drawer is closed.
      setTimeout(() => {
        button.current?.focus()
        change({ delivery: delivery.id })
      })
    } catch (refusal) {
      onError(refusal)
      setBusy(false)
    }
  }
  return (
    <Button ref={button} leftSection={<Icon name="play" size={16} />} loading={busy} onClick={() => void test()}>
      Send a test
    </Button>
  )
}

function MoreMenu({ isActive, open }: { isActive: boolean; open: (dialog: Dialog) => void }) {
  return (
    <Menu position="bottom-end" width={210}>
      <Menu.Target>
        <ActionIcon variant="default" size={36} aria-label="More to do with this webhook">
          <Icon name="more" />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item leftSection={<Icon name="refresh" size={16} />} onClick={() => open('rotate')}>
          Rotate the secret…
        </Menu.Item>
        {isActive && (
          <Menu.Item leftSection={<Icon name="pause" size={16} />} onClick={() => open('disable')}>
            Disable…
          </Menu.Item>
        )}
        <Menu.Item color="red" leftSection={<Icon name="trash" size={16} />} onClick={() => open('delete')}>
          Delete…
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}

const isAhead = (at: string | null): boolean => at !== null && Date.parse(at) > Date.now()
const hostOf = (url: string): string => (URL.canParse(url) ? new URL(url).host : url)
