import { Text } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useLocation } from 'wouter'
import { api, ok } from '../../api/client.ts'
import { useMe } from '../../api/session.tsx'
import { Confirm } from '../../components/confirm.tsx'
import { keepingAnOwner, type Member, useMembersChanged } from './use-members.ts'

/** Takes somebody out of the organization; whoever goes themselves types it, since there is no way back. */
export function RemoveMember({ member, onClose }: { member: Member; onClose: () => void }) {
  const me = useMe()
  const [, go] = useLocation()
  const changed = useMembersChanged(member.organization_id)
  const isSelf = member.id === me.id
  return (
    <Confirm
      opened
      onClose={onClose}
      title={isSelf ? 'Leave the organization?' : `Remove ${member.name}?`}
      action={isSelf ? 'Leave' : 'Remove'}
      {...(isSelf && { typed: 'leave' })}
      run={async () => {
        const path = { organization_id: member.organization_id, operator_id: member.id }
        await keepingAnOwner(
          ok(api.DELETE('/platform/organizations/{organization_id}/members/{operator_id}', { params: { path } })),
        )
        notifications.show({ message: isSelf ? 'You have left.' : `${member.name} is out.` })
        if (isSelf && !me.is_root) go('/')
        await changed(member.id)
      }}
    >
      <Text size="sm">
        {isSelf
          ? 'You see and change nothing here from then on. To come back, another owner has to add you.'
          : `${member.name} (${member.email}) sees and changes nothing here from then on; the account itself stays, and roles in other organizations, too.`}{' '}
        API keys that were made stay as they are: revoke them under API keys where they should end.
      </Text>
      {member.source === 'oidc' && (
        <Text size="sm" mt="xs">
          The role came from single sign-on: the next log-in gives it back, unless the groups there are changed.
        </Text>
      )}
    </Confirm>
  )
}
