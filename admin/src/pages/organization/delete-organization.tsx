import { notifications } from '@mantine/notifications'
import { useQueryClient } from '@tanstack/react-query'
import { useLocation } from 'wouter'
import { api, ok } from '../../api/client.ts'
import { Confirm } from '../../components/confirm.tsx'
import { forgetOrganization } from '../../shell/use-organization.ts'
import type { Organization } from '../organizations/change-status.tsx'

/** Takes an organization away with everything in it, once its short name was typed. */
export function DeleteOrganization({ organization, onClose }: { organization: Organization; onClose: () => void }) {
  const client = useQueryClient()
  const [, go] = useLocation()
  const { id, name, slug } = organization
  return (
    <Confirm
      opened
      onClose={onClose}
      title={`Delete “${name}”?`}
      action="Delete for good"
      typed={slug}
      run={async () => {
        await ok(
          api.DELETE('/platform/organizations/{organization_id}', {
            params: { path: { organization_id: id } },
            body: { confirm: slug },
          }),
        )
        forgetOrganization(id)
        go('/organizations', { replace: true })
        // What was shown of it is gone; asked for again it would be refused.
        client.removeQueries({ predicate: ({ queryKey }) => queryKey.includes(id) })
        void client.invalidateQueries({ queryKey: ['organizations'] })
        void client.invalidateQueries({ queryKey: ['me'] })
        notifications.show({ message: `“${name}” is deleted.` })
      }}
    >
      Every key of it stops working at once; members, workspaces, service accounts and webhooks go too. The log of its
      requests and its events stay for whoever runs this gateway. This can’t be undone.
    </Confirm>
  )
}
