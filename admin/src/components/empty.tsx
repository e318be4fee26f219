import { Code, Stack, Text, ThemeIcon, Title } from '@mantine/core'
import type { ReactNode } from 'react'
import { Icon, type IconName } from './icon.tsx'

/** Nothing here yet: what it is for, and how to get the first one. */
export function Empty({
  icon,
  title,
  children,
  code,
  action,
}: {
  icon: IconName
  title: string
  children: ReactNode
  /** The same on the command line or with curl. */
  code?: string
  action?: ReactNode
}) {
  return (
    <Stack align="center" gap="xs" py={48} px="md">
      <ThemeIcon size={44} radius="xl" variant="light">
        <Icon name={icon} size={22} />
      </ThemeIcon>
      <Title order={2} size="h5">
        {title}
      </Title>
      <Text size="sm" className="quiet" ta="center" maw={460}>
        {children}
      </Text>
      {code !== undefined && (
        <Code block maw="100%" style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>
          {code}
        </Code>
      )}
      {action}
    </Stack>
  )
}
