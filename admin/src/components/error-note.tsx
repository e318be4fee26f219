import { Alert, Button, Group, List, Stack, Text } from '@mantine/core'
import { ApiError } from '../api/client.ts'
import { CopyText } from './copy-text.tsx'

/** What went wrong, what to do next, and the request id for whoever has to look into it. */
export function ErrorNote({ error, retry }: { error: unknown; retry?: () => void }) {
  const problem = error instanceof ApiError ? error.problem : undefined
  const title = problem?.title ?? 'Something is wrong with this page'
  const detail = problem?.detail ?? (error instanceof Error ? error.message : String(error))
  const retryAfter = error instanceof ApiError ? error.retryAfter : undefined
  return (
    <Alert color="red" variant="light" title={title} role="alert">
      <Stack gap="xs">
        <Text size="sm">{detail}</Text>
        {problem?.errors !== undefined && problem.errors.length > 0 && (
          <List size="sm">
            {problem.errors.map(({ path, message }) => (
              <List.Item key={`${path} ${message}`}>
                <span className="mono">{path}</span> {message}
              </List.Item>
            ))}
          </List>
        )}
        {retryAfter !== undefined && <Text size="sm">Worth another try in {retryAfter} s.</Text>}
        {(problem?.request_id !== undefined || retry !== undefined) && (
          <Group gap="sm">
            {retry !== undefined && (
              <Button size="compact-sm" variant="default" onClick={retry}>
                Try again
              </Button>
            )}
            {problem?.request_id !== undefined && (
              <Group gap={4}>
                <Text size="xs" className="quiet">
                  Request id
                </Text>
                <CopyText text={problem.request_id} />
              </Group>
            )}
          </Group>
        )}
      </Stack>
    </Alert>
  )
}
