import { Group, Stack, Text } from '@mantine/core'
import type { ReactNode } from 'react'

/** What is known of something, name by name. */
export const Facts = ({ children }: { children: ReactNode }) => (
  <Stack component="dl" gap="sm" m={0}>
    {children}
  </Stack>
)

export const Fact = ({ name, children }: { name: string; children: ReactNode }) => (
  <Group justify="space-between" align="flex-start" wrap="nowrap" gap="md">
    <Text component="dt" size="sm" className="quiet" style={{ whiteSpace: 'nowrap' }}>
      {name}
    </Text>
    <Text component="dd" size="sm" m={0} ta="right" style={{ overflowWrap: 'anywhere', minWidth: 0 }}>
      {children}
    </Text>
  </Group>
)
