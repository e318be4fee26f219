import { ActionIcon, Group, Menu } from '@mantine/core'
import { Link } from 'wouter'
import type { Schema } from '../../api/client.ts'
import { Icon } from '../../components/icon.tsx'

export type Action = 'edit' | 'reset' | 'delete'

/** What can be done with an account. One's own password and access are changed where one's own account is. */
export function OperatorMenu({
  operator: { name },
  isSelf,
  onAsk,
}: {
  operator: Schema<'OperatorRecord'>
  isSelf: boolean
  onAsk: (action: Action) => void
}) {
  return (
    <Group justify="flex-end" data-own>
      <Menu position="bottom-end">
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" c="var(--quiet)" aria-label={`Actions for ${name}`}>
            <Icon name="more" />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item onClick={() => onAsk('edit')} leftSection={<Icon name="pencil" size={16} />}>
            Edit
          </Menu.Item>
          {isSelf ? (
            <Menu.Item component={Link} href="/account" leftSection={<Icon name="settings" size={16} />}>
              Your account
            </Menu.Item>
          ) : (
            <>
              <Menu.Item onClick={() => onAsk('reset')} leftSection={<Icon name="refresh" size={16} />}>
                Reset the password
              </Menu.Item>
              <Menu.Divider />
              <Menu.Item
                c="var(--mantine-color-error)"
                onClick={() => onAsk('delete')}
                leftSection={<Icon name="trash" size={16} />}
              >
                Delete
              </Menu.Item>
            </>
          )}
        </Menu.Dropdown>
      </Menu>
    </Group>
  )
}
