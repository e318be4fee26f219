import { Box, Group, Paper, Text, ThemeIcon, Title, VisuallyHidden } from '@mantine/core'
import type { ReactNode } from 'react'
import { Icon } from '../../components/icon.tsx'

/** One of the first steps: done with what came of it, at hand, or still to come. */
export function Step({
  number,
  title,
  state,
  isReached = state === 'done',
  outcome,
  children,
}: {
  number: number
  title: string
  state: 'done' | 'now' | 'later'
  /** What it was for is there, though it is still at hand. */
  isReached?: boolean
  /** In few words, once it is done. */
  outcome?: ReactNode
  children?: ReactNode
}) {
  return (
    <Paper
      component="li"
      withBorder
      bg="var(--surface)"
      p="md"
      aria-current={state === 'now' ? 'step' : undefined}
      style={{ listStyle: 'none' }}
    >
      <Group gap="sm" wrap="nowrap" align="center">
        <ThemeIcon
          size={28}
          radius="xl"
          variant={state === 'now' && !isReached ? 'filled' : 'light'}
          color={isReached ? 'teal' : state === 'now' ? 'harbour' : 'gray'}
        >
          {isReached ? <Icon name="check" size={16} /> : <span className="numbers">{number}</span>}
        </ThemeIcon>
        <Box miw={0} style={{ flex: 1 }}>
          <Title order={2} size="h5" className={state === 'later' ? 'quiet' : undefined}>
            {title}
            {isReached && <VisuallyHidden> (done)</VisuallyHidden>}
          </Title>
          {state === 'done' && outcome !== undefined && (
            <Text size="sm" className="quiet" component="div" style={{ overflowWrap: 'anywhere' }}>
              {outcome}
            </Text>
          )}
        </Box>
      </Group>
      {state === 'now' && (
        <Box pt="md" pl={{ base: 0, sm: 40 }}>
          {children}
        </Box>
      )}
    </Paper>
  )
}
