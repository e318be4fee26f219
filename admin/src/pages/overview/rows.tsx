import { Group, Skeleton, Stack, Text } from '@mantine/core'
import type { ReactNode } from 'react'

/** What a card says, each thing on a line of its own. */
export const Rows = ({ children }: { children: ReactNode }) => (
  <Stack gap="sm" mih={{ base: 0, md: 190 }}>
    {children}
  </Stack>
)

export const Bones = ({ count }: { count: number }) =>
  Array.from({ length: count }, (_, index) => index).map((row) => <Skeleton key={row} h={22} />)

export function Row({ name, below, children }: { name: string; below?: string | undefined; children: ReactNode }) {
  return (
    <div>
      <Group justify="space-between" gap="xs" wrap="nowrap">
        <Text size="sm">{name}</Text>
        {children}
      </Group>
      {below !== undefined && (
        <Text size="xs" className="quiet">
          {below}
        </Text>
      )}
    </div>
  )
}
