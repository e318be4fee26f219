import { Center, Group, Paper, Stack, Title } from '@mantine/core'
import { useDocumentTitle } from '@mantine/hooks'
import type { ReactNode } from 'react'
import mark from '../shell/mark.svg'

/** The frame of what stands in front of the log-in. */
export function Door({ title, children }: { title: string; children: ReactNode }) {
  useDocumentTitle(`${title} · Sallyport`)
  return (
    <Center mih="100vh" p="md">
      <Paper withBorder bg="var(--surface)" p={{ base: 'lg', xs: 'xl' }} w={420} maw="100%" component="main">
        <Stack>
          <Group gap="sm" wrap="nowrap">
            <img src={mark} width={32} height={32} alt="" />
            <Title order={1} size="h3">
              {title}
            </Title>
          </Group>
          {children}
        </Stack>
      </Paper>
    </Center>
  )
}
