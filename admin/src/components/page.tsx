import { Box, Group, Stack, Text, Title } from '@mantine/core'
import { useDocumentTitle } from '@mantine/hooks'
import type { ReactNode } from 'react'

export interface PageProps {
  readonly title: string
  /** One sentence: what this is, for somebody who is here for the first time. */
  readonly about?: ReactNode
  /** What one can do here, the main thing last. */
  readonly actions?: ReactNode
  readonly children: ReactNode
}

/** The frame of every page. */
export function Page({ title, about, actions, children }: PageProps) {
  useDocumentTitle(`${title} · Sallyport`)
  return (
    <Stack gap="lg">
      <Group justify="space-between" align="flex-start" gap="md">
        <Box maw={680}>
          <Title order={1} size="h2">
            {title}
          </Title>
          {about !== undefined && (
            <Text className="quiet" size="sm" mt={4}>
              {about}
            </Text>
          )}
        </Box>
        {actions !== undefined && <Group gap="xs">{actions}</Group>}
      </Group>
      {children}
    </Stack>
  )
}
