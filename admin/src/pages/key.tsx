import { ActionIcon, Alert, Anchor, Badge, Button, Grid, Menu, Stack } from '@mantine/core'
import { useState } from 'react'
import { Link, useParams } from 'wouter'
import { ApiError } from '../api/client.ts'
import { useSettings } from '../api/session.tsx'
import { Environment, Status } from '../components/badges.tsx'
import { Card } from '../components/card.tsx'
import { Empty } from '../components/empty.tsx'
import { ErrorNote } from '../components/error-note.tsx'
import { Icon } from '../components/icon.tsx'
import { Page } from '../components/page.tsx'
import { PageSkeleton } from '../components/page-skeleton.tsx'
import { Time } from '../components/time.tsx'
import { useQueryState } from '../components/use-query-state.ts'
import { useThisOrganization } from '../shell/use-organization.ts'
import { EditKey } from './key/edit-key.tsx'
import { DeleteKey, type Receipt, ReceiptNote, RevokeKey } from './key/end-key.tsx'
import { Facts, ScopesCard } from './key/facts.tsx'
import { LastRequests } from './key/last-requests.tsx'
import { RevealKey } from './key/reveal-key.tsx'
import { RotateKey } from './key/rotate-key.tsx'
import { Secrets } from './key/secrets.tsx'
import { UsageCard } from './key/usage-card.tsx'
import { useKey, useKeyOwner } from './key/use-key.ts'
import { WorkspacesCard } from './key/workspaces-card.tsx'
import type { ApiKey } from './keys/use-owners.ts'

/** One key: what it may do, who uses it, and everything that can be done with it. */
export default function KeyPage() {
  const organizationId = useThisOrganization()
  const { key: keyId = '' } = useParams<{ key: string }>()
  const { data, error, refetch } = useKey(organizationId, keyId)
  if (data !== undefined) return <WithKey key={data.key.id} apiKey={data.key} etag={data.etag} />
  if (error === null) return <PageSkeleton />
  if (!(error instanceof ApiError && error.status === 404)) {
    return <ErrorNote error={error} retry={() => void refetch()} />
  }
  return (
    <Page title="There is no such key" back={{ to: `/o/${organizationId}/keys`, label: 'API keys' }}>
      <Card>
        <Empty
          icon="key"
          title="Nothing to see here"
          action={
            <Anchor component={Link} href={`/o/${organizationId}/keys`} size="sm">
              To the keys
            </Anchor>
          }
        >
          It was deleted, or belongs to another organization.
        </Empty>
      </Card>
    </Page>
  )
}

type Dialog = 'edit' | 'rotate' | 'reveal' | 'revoke' | 'delete'

function WithKey({ apiKey: key, etag }: { apiKey: ApiKey; etag: string }) {
  const [{ dialog }, change] = useQueryState(['dialog'])
  const [receipt, setReceipt] = useState<Receipt | undefined>(undefined)
  const { account, mayHandle, mayEnd } = useKeyOwner(key)
  const reveal = useSettings().data?.reveal ?? false
  const isActive = key.status === 'active'
  const may: Record<Dialog, boolean> = {
    edit: mayHandle && key.status !== 'revoked',
    rotate: mayHandle && isActive,
    reveal: mayHandle && isActive && reveal,
    revoke: mayEnd && key.status !== 'revoked',
    delete: mayEnd,
  }
  const open = (next: Dialog | ''): void => change({ dialog: next })
  const isOpen = (name: Dialog): boolean => dialog === name && may[name]
  const close = (): void => open('')

  return (
    <Page
      title={key.name}
      about={key.description || undefined}
      back={{ to: `/o/${key.organization_id}/keys`, label: 'API keys' }}
      badges={
        <>
          <Status of={key.status} />
          <Environment name={key.environment} />
          {key.system && <Badge color="grape">system</Badge>}
        </>
      }
      actions={
        <>
          {may.edit && (
            <Button variant="default" leftSection={<Icon name="pencil" size={16} />} onClick={() => open('edit')}>
              Edit
            </Button>
          )}
          {may.rotate && (
            <Button leftSection={<Icon name="refresh" size={16} />} onClick={() => open('rotate')}>
              Rotate
            </Button>
          )}
          {(may.reveal || may.revoke || may.delete) && <MoreMenu may={may} open={open} />}
        </>
      }
    >
      {receipt !== undefined && <ReceiptNote nodes={receipt} onClose={() => setReceipt(undefined)} />}
      <State apiKey={key} />
      {account?.is_active === false && (
        <Alert color="yellow" icon={<Icon name="warning" />} title="Its service account is not active">
          {account.name} is switched off: the key is refused until somebody switches it on.
        </Alert>
      )}
      <Grid gap="lg">
        <Grid.Col span={{ base: 12, md: 8 }}>
          <Stack gap="lg">
            <Secrets apiKey={key} />
            <UsageCard apiKey={key} />
            <LastRequests apiKey={key} />
          </Stack>
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 4 }}>
          <Stack gap="lg">
            <Facts apiKey={key} />
            <ScopesCard scopes={key.scopes} />
            <WorkspacesCard apiKey={key} mayHandle={mayHandle} />
          </Stack>
        </Grid.Col>
      </Grid>
      <EditKey apiKey={key} etag={etag} opened={isOpen('edit')} onClose={close} />
      {/* Stays when the key is not active any more: the secret that it shows is the only one there is. */}
      {dialog === 'rotate' && mayHandle && <RotateKey apiKey={key} onClose={close} />}
      {isOpen('reveal') && <RevealKey apiKey={key} onClose={close} />}
      {isOpen('revoke') && <RevokeKey apiKey={key} onClose={close} onRevoked={setReceipt} />}
      {isOpen('delete') && <DeleteKey apiKey={key} onClose={close} />}
    </Page>
  )
}

function MoreMenu({ may, open }: { may: Record<Dialog, boolean>; open: (dialog: Dialog) => void }) {
  return (
    <Menu position="bottom-end" width={200}>
      <Menu.Target>
        <ActionIcon variant="default" size={36} aria-label="More to do with this key">
          <Icon name="more" />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {may.reveal && (
          <Menu.Item leftSection={<Icon name="eye" size={16} />} onClick={() => open('reveal')}>
            Reveal…
          </Menu.Item>
        )}
        {may.revoke && (
          <Menu.Item color="red" leftSection={<Icon name="cross" size={16} />} onClick={() => open('revoke')}>
            Revoke…
          </Menu.Item>
        )}
        {may.delete && (
          <Menu.Item color="red" leftSection={<Icon name="trash" size={16} />} onClick={() => open('delete')}>
            Delete…
          </Menu.Item>
        )}
      </Menu.Dropdown>
    </Menu>
  )
}

/** Why a key is refused, or soon will be. */
function State({ apiKey: { status, revoked_at, revoked_reason, expires_at } }: { apiKey: ApiKey }) {
  if (status === 'revoked') {
    return (
      <Alert color="red" icon={<Icon name="cross" />} title="This key is revoked">
        <Time at={revoked_at} />
        {revoked_reason !== null && `: ${revoked_reason}`}
      </Alert>
    )
  }
  if (status === 'expired') {
    return (
      <Alert color="yellow" icon={<Icon name="warning" />} title="This key has expired">
        It ended <Time at={expires_at} />. A key that has expired can’t be renewed: make another.
      </Alert>
    )
  }
  if (expires_at === null || Date.parse(expires_at) - Date.now() > 7 * 86_400_000) return null
  return (
    <Alert color="yellow" icon={<Icon name="warning" />} title="This key expires soon">
      It ends <Time at={expires_at} />. Rotating does not move that: make another key, and move its callers.
    </Alert>
  )
}
