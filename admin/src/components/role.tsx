import { Badge, Radio, Stack } from '@mantine/core'
import { rolesUpTo, useRole } from '../api/session.tsx'

export type OrganizationRole = ReturnType<typeof rolesUpTo>[number]

/** What each role of a member is for. */
const reach: Record<OrganizationRole, string> = {
  viewer: 'Sees everything of the organization, and changes nothing.',
  engineer: 'Makes and rotates the keys of service accounts, too.',
  admin: 'Manages all keys, service accounts, workspaces, webhooks and jobs.',
  owner: 'Does everything: members and the organization itself, too.',
}

/** In a list: how far somebody may go. */
export const RoleBadge = ({ role }: { role: OrganizationRole }) => (
  <Badge
    color={role === 'owner' ? 'grape' : role === 'admin' ? 'blue' : 'gray'}
    style={{ flexShrink: 0, minWidth: 'max-content' }}
  >
    {role}
  </Badge>
)

/** Picks a role, none above one's own. */
export function RoleInput({
  organizationId,
  value,
  onChange,
  description,
  about = reach,
  error,
}: {
  organizationId: string
  value: OrganizationRole
  onChange: (role: OrganizationRole) => void
  description?: string
  about?: Readonly<Record<OrganizationRole, string>>
  error?: string | undefined
}) {
  const roles = rolesUpTo(useRole(organizationId))
  return (
    <Radio.Group
      label="Role"
      description={description}
      value={value}
      onChange={(role) => onChange(role as OrganizationRole)}
      error={error}
    >
      <Stack gap="xs" mt="xs">
        {roles.map((role) => (
          <Radio key={role} value={role} label={role} description={about[role]} />
        ))}
      </Stack>
    </Radio.Group>
  )
}
