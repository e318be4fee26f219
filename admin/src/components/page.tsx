import { Anchor, Box, Group, Stack, Text, Title } from '@mantine/core'
import { useDocumentTitle } from '@mantine/hooks'
import type { ReactNode } from 'react'
import { Link } from 'wouter'
import { useOrganizationName } from '../shell/organization-switcher.tsx'
import { useScope } from '../shell/use-organization.ts'
import { Icon } from './icon.tsx'

export interface PageProps {
  readonly title: string
  /** One sentence: what this is, for somebody who is here for the first time. */
  readonly about?: ReactNode
  /** The list that this is one of. */
  readonly back?: { readonly to: string; readonly label: string }
  /** The state of what the title names. */
  readonly badges?: ReactNode
  /** What one can do here, the main thing last. */
  readonly actions?: ReactNode
  readonly children: ReactNode
}

/** The frame of every page. */
export function Page({ title, about, back, badges, actions, children }: PageProps) {
  const organization = useOrganizationName(useScope())
  const names = [title, organization, 'Sallyport']
  useDocumentTitle(names.filter((name, index) => name !== undefined && names.indexOf(name) === index).join(' · '))
  return (
    <Stack gap="lg">
      <Group justify="space-between" align="flex-start" gap="md">
        <Box maw={680} miw={0} style={{ flex: '1 1 340px' }}>
          {back !== undefined && (
            <Anchor component={Link} href={back.to} size="sm" display="inline-flex" mb={4} style={{ gap: 2 }}>
              <Icon name="back" size={16} />
              {back.label}
            </Anchor>
          )}
          <Group gap="xs">
            <Title order={1} size="h2" style={{ overflowWrap: 'anywhere' }}>
              {title}
            </Title>
            {badges}
          </Group>
          {about !== undefined && (
            <Text className="quiet" size="sm" mt={4} style={{ overflowWrap: 'anywhere' }}>
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
