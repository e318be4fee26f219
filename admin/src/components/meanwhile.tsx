import { Alert, Box, Button, Group, List, Stack, Text } from '@mantine/core'

/**
 * Somebody else was quicker than whoever fills in a form: what is different now, and the way to begin from there. What was
 * typed stands in the form until then; it is not saved over it.
 */
export function Meanwhile({ before, now, startAgain }: { before: object; now: object; startAgain: () => void }) {
  const changes = changesBetween({ ...before }, { ...now })
  return (
    <Alert color="yellow" title="Somebody else has changed this meanwhile" role="alert">
      <Stack gap="xs">
        <Text size="sm">
          What you have typed is not saved over it. {changes.length > 0 && 'What is different now:'}
        </Text>
        {changes.length > 0 && (
          <List size="sm">
            {changes.map(({ name, was, is }) => (
              <List.Item key={name}>
                {name}:{' '}
                <Box component="span" className="quiet" style={{ overflowWrap: 'anywhere' }}>
                  {was}
                </Box>
                {' → '}
                <Box component="span" fw={500} style={{ overflowWrap: 'anywhere' }}>
                  {is}
                </Box>
              </List.Item>
            ))}
          </List>
        )}
        <Group>
          <Button size="compact-sm" variant="default" onClick={startAgain}>
            Show it as it is now
          </Button>
        </Group>
      </Stack>
    </Alert>
  )
}

interface Change {
  readonly name: string
  readonly was: string
  readonly is: string
}

function changesBetween(before: Record<string, unknown>, now: Record<string, unknown>): Change[] {
  const fields = Object.keys({ ...before, ...now }).filter((field) => !isOfItself(field))
  return fields
    .map((field) => ({ name: nameOf(field), was: textOf(before[field]), is: textOf(now[field]) }))
    .filter(({ was, is }) => was !== is)
}

/** Times and counts go on by themselves. */
const isOfItself = (field: string): boolean => /_(at|by|total|preview|count)$|^secrets$|^last_/.test(field)

/** `rate_limit` as words. */
const nameOf = (field: string): string => {
  const words = field.replaceAll('_', ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}

function textOf(value: unknown): string {
  if (value === null || value === undefined || value === '') return 'nothing'
  if (Array.isArray(value)) return value.length === 0 ? 'nothing' : value.map(textOf).join(', ')
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return text.length > 120 ? `${text.slice(0, 120)}…` : text
}
