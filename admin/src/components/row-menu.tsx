import { ActionIcon, Group, Menu } from '@mantine/core'
import type { ReactNode } from 'react'
import { Icon } from './icon.tsx'

/** What can be done with a row; its entries are `Menu.Item`s. */
export function RowMenu({ name, children }: { name: string; children: ReactNode }) {
  return (
    <Group justify="flex-end" data-own>
      <Menu position="bottom-end">
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" c="var(--quiet)" aria-label={`Actions for ${name}`}>
            <Icon name="more" />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>{children}</Menu.Dropdown>
      </Menu>
    </Group>
  )
}
