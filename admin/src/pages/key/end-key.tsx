import { Alert, Stack, Text, Textarea } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { useRef, useState } from 'react'
import { useLocation } from 'wouter'
import { api, ok, type Schema } from '../../api/client.ts'
import { Confirm } from '../../components/confirm.tsx'
import { Icon } from '../../components/icon.tsx'
import { Time } from '../../components/time.tsx'
import { typedFor } from '../keys/masked.tsx'
import type { ApiKey } from '../keys/use-owners.ts'
import { useKeyChanged } from './use-key.ts'

export type Receipt = Schema<'RevocationReceipt'>

interface Props {
  readonly apiKey: ApiKey
  readonly onClose: () => void
}

/** Ends a key for always; it stays in the list. */
export function RevokeKey({ apiKey: key, onClose, onRevoked }: Props & { onRevoked: (receipt: Receipt) => void }) {
  const changed = useKeyChanged(key)
  const [reason, setReason] = useState('')
  return (
    <Confirm
      opened
      onClose={onClose}
      title={`Revoke “${key.name}”?`}
      action="Revoke key"
      typed={typedFor(key.name, 'revoke')}
      run={async () => {
        const { nodes } = await ok(
          api.POST('/platform/organizations/{organization_id}/api-keys/{key_id}/revoke', {
            params: { path: { organization_id: key.organization_id, key_id: key.id } },
            body: { reason: reason.trim() || null },
          }),
        )
        onRevoked(nodes)
        await changed()
      }}
    >
      <Stack gap="sm">
        <Text size="sm">
          Whoever uses it is refused from the next request on, and what is open with it is closed. It can’t be made good
          again.
        </Text>
        <Use apiKey={key} />
        <Textarea
          label="Reason"
          description="Stands with the key and in the events."
          placeholder="Leaked in a build log"
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
          maxLength={500}
          autosize
          minRows={1}
          maxRows={4}
          data-autofocus
        />
      </Stack>
    </Confirm>
  )
}

/** Revokes a key and takes it out of the lists. */
export function DeleteKey({ apiKey: key, onClose }: Props) {
  const client = useQueryClient()
  const [, go] = useLocation()
  const isGone = useRef(false)
  const list = `/o/${key.organization_id}/keys`
  return (
    <Confirm
      opened
      onClose={() => (isGone.current ? go(list, { replace: true }) : onClose())}
      title={`Delete “${key.name}”?`}
      action="Delete key"
      typed={typedFor(key.name, 'delete')}
      run={async () => {
        const { organization_id, id } = key
        await ok(
          api.DELETE('/platform/organizations/{organization_id}/api-keys/{key_id}', {
            params: { path: { organization_id, key_id: id } },
          }),
        )
        isGone.current = true
        void client.invalidateQueries({ queryKey: ['keys', organization_id] })
      }}
    >
      <Stack gap="sm">
        <Text size="sm">
          {key.status === 'active' ? 'It is revoked, and goes from the lists.' : 'It goes from the lists.'} Its events
          and requests stay. This can’t be undone.
        </Text>
        {key.status === 'active' && <Use apiKey={key} />}
      </Stack>
    </Confirm>
  )
}

const Use = ({ apiKey: { last_used_at } }: { apiKey: ApiKey }) => (
  <Text size="sm">
    {last_used_at === null ? (
      'Nobody has used it yet.'
    ) : (
      <>
        It was last used <Time at={last_used_at} />.
      </>
    )}
  </Text>
)

/** How far a revocation has come when it was answered. */
export function ReceiptNote({ nodes: { live, acknowledged, ms }, onClose }: { nodes: Receipt; onClose: () => void }) {
  const isDone = acknowledged >= live
  const took = ms < 1 ? 'less than a millisecond' : `${Math.round(ms)} ms`
  return (
    <Alert
      color={isDone ? 'teal' : 'yellow'}
      icon={<Icon name={isDone ? 'check' : 'warning'} />}
      title={isDone ? 'Revoked everywhere' : 'Revoked here; not every node has said so yet'}
      withCloseButton
      closeButtonLabel="Put this away"
      onClose={onClose}
      role="status"
    >
      {acknowledged} of {live} {live === 1 ? 'node refuses' : 'nodes refuse'} it, {took} after the change.
      {!isDone && ' The others follow within a second, or were gone already.'}
    </Alert>
  )
}
