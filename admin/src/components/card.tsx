import { Group, Paper, Text, Title } from '@mantine/core'
import type { ReactNode } from 'react'

/** A part of a page, with its own heading. */
export function Card({
  title,
  about,
  actions,
  children,
  flush = false,
}: {
  title?: string
  about?: ReactNode
  actions?: ReactNode
  children: ReactNode
  /** A table: goes to the edges. */
  flush?: boolean
}) {
  return (
    <Paper withBorder bg="var(--surface)" component="section">
      {(title !== undefined || actions !== undefined) && (
        <Group justify="space-between" px="md" pt="md" pb={flush ? 'sm' : 0} gap="xs">
          <div>
            {title !== undefined && (
              <Title order={2} size="h5">
                {title}
              </Title>
            )}
            {about !== undefined && (
              <Text size="xs" className="quiet">
                {about}
              </Text>
            )}
          </div>
          {actions}
        </Group>
      )}
      {flush ? children : <div style={{ padding: 'var(--mantine-spacing-md)' }}>{children}</div>}
    </Paper>
  )
}
