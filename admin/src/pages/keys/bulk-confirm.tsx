import { Select, Stack, Text, Textarea } from '@mantine/core'
import { useState } from 'react'
import { Confirm } from '../../components/confirm.tsx'
import { countText, revokeOrder, rotateOrder, type Target, useOrder } from './bulk.ts'
import { graceChoices } from './grace.ts'

/** Asks, with a word to type, before a job revokes or rotates many keys. */
export function BulkConfirm({
  organizationId,
  action,
  target,
  onClose,
  onOrdered,
}: {
  organizationId: string
  action: 'revoke' | 'rotate'
  target: Target
  onClose: () => void
  onOrdered: (jobId: string) => void
}) {
  const order = useOrder(organizationId)
  const [reason, setReason] = useState('')
  const [grace, setGrace] = useState('86400')
  const isRevoke = action === 'revoke'
  const keys = countText(target)
  return (
    <Confirm
      opened
      onClose={onClose}
      title={`${isRevoke ? 'Revoke' : 'Rotate'} ${keys}?`}
      action={isRevoke ? `Revoke ${keys}` : `Rotate ${keys}`}
      typed={`${action} ${keys}`}
      run={async () => {
        onOrdered(await order(isRevoke ? revokeOrder(target, reason.trim()) : rotateOrder(target, Number(grace))))
      }}
    >
      <Stack gap="sm">
        {isRevoke ? (
          <>
            <Text size="sm">
              Whoever uses them is refused from then on. A revoked key can’t be made good again. Keys that are not
              active are left as they are.
            </Text>
            <Textarea
              label="Reason"
              description="Stands with each key and in the events."
              value={reason}
              onChange={(event) => setReason(event.currentTarget.value)}
              maxLength={500}
              autosize
              minRows={2}
            />
          </>
        ) : (
          <>
            <Text size="sm">
              Each active one gets a new secret; id and scopes stay. The job shows no secret: whoever may manage a key
              reveals the new one on its page.
            </Text>
            <Select
              label="The old secrets stay valid for"
              data={graceChoices.filter(({ value }) => value !== '0')}
              value={grace}
              onChange={(value) => setGrace(value ?? '86400')}
              allowDeselect={false}
            />
          </>
        )}
      </Stack>
    </Confirm>
  )
}
