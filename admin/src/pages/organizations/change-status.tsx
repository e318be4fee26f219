import { Stack, Text, Textarea } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, ok, type Schema } from '../../api/client.ts'
import { useRole } from '../../api/session.tsx'
import { Confirm } from '../../components/confirm.tsx'

export type Organization = Schema<'OrganizationRecord'>

/** Suspends an organization or lets it go on; says what that does to those who call. */
export function ChangeStatus({ organization, onClose }: { organization: Organization; onClose: () => void }) {
  const changed = useOrganizationChanged()
  const [reason, setReason] = useState('')
  const { id, name, slug, status } = organization
  const suspends = status === 'active'

  const change = async (): Promise<void> => {
    await ok(
      api.PATCH('/platform/organizations/{organization_id}', {
        params: { path: { organization_id: id } },
        body: suspends ? { status: 'suspended', reason: reason.trim() || null } : { status: 'active' },
      }),
    )
    await changed(id)
    notifications.show({ message: suspends ? `“${name}” is suspended.` : `“${name}” is active again.` })
  }

  return (
    <Confirm
      opened
      onClose={onClose}
      title={suspends ? `Suspend “${name}”?` : `Let “${name}” go on?`}
      action={suspends ? 'Suspend' : 'Resume'}
      {...(suspends ? { typed: slug } : { isHarmless: true })}
      run={change}
    >
      {suspends ? (
        <Stack gap="sm">
          <Text size="sm">
            Every key of it is refused with <span className="mono">ORGANIZATION_SUSPENDED</span> from the next request
            on. Nothing is lost: keys, members and settings stay, and it can go on at any time.
          </Text>
          <Textarea
            label="Reason"
            description="Stands with the organization and in the events."
            value={reason}
            onChange={(event) => setReason(event.currentTarget.value)}
            maxLength={500}
            autosize
            minRows={1}
            maxRows={4}
            data-autofocus
          />
        </Stack>
      ) : (
        'Its keys work again from the next request on.'
      )}
    </Confirm>
  )
}

/** What root has suspended, root alone resumes. */
export function useMayChangeStatus({ id, suspended_by }: Organization): boolean {
  const role = useRole(id)
  return role === 'root' || (role === 'owner' && suspended_by !== 'root')
}

/** After a change of an organization: everything that shows it. */
export function useOrganizationChanged(): (organizationId: string) => Promise<void> {
  const client = useQueryClient()
  return async (organizationId) => {
    void client.invalidateQueries({ queryKey: ['organizations'] })
    // Names and roles of one's own.
    void client.invalidateQueries({ queryKey: ['me'] })
    await client.invalidateQueries({ queryKey: ['organization', organizationId] })
  }
}
