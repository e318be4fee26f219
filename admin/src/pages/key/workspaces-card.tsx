import { ActionIcon, Button, Group, Select, Skeleton, Stack, Text } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, ok, type Schema } from '../../api/client.ts'
import { usePages } from '../../api/pages.ts'
import { Card } from '../../components/card.tsx'
import { ErrorNote } from '../../components/error-note.tsx'
import { Icon } from '../../components/icon.tsx'
import type { ApiKey } from '../keys/use-owners.ts'
import { useWorkspaceChoices } from '../keys/workspaces-input.tsx'
import { useKeyChanged } from './use-key.ts'

/** Which workspaces a key reaches. */
export function WorkspacesCard({ apiKey: key, mayHandle }: { apiKey: ApiKey; mayHandle: boolean }) {
  const client = useQueryClient()
  const changed = useKeyChanged(key)
  const choices = useWorkspaceChoices(key.organization_id)
  const [picked, setPicked] = useState<string | null>(null)
  const [error, setError] = useState<unknown>(undefined)
  const listKey = ['key-workspaces', key.organization_id, key.id]
  const path = { organization_id: key.organization_id, key_id: key.id }
  const { items, query } = usePages(listKey, (page, signal) =>
    api.GET('/platform/organizations/{organization_id}/api-keys/{key_id}/workspaces', {
      params: { path, query: page },
      signal,
    }),
  )
  const isBound = key.project_id !== null
  const mayChange = mayHandle && key.status === 'active'

  const attempt = async (call: () => Promise<unknown>): Promise<void> => {
    setError(undefined)
    try {
      await call()
    } catch (refusal) {
      setError(refusal)
    }
    await Promise.all([client.invalidateQueries({ queryKey: listKey }), changed()])
  }
  const grant = (id: string): Promise<void> =>
    attempt(() =>
      ok(
        api.PUT('/platform/organizations/{organization_id}/api-keys/{key_id}/workspaces/{workspace_id}', {
          params: { path: { ...path, workspace_id: id } },
        }),
      ),
    )
  const remove = ({ id, name }: Schema<'WorkspaceRecord'>): Promise<void> =>
    attempt(async () => {
      await ok(
        api.DELETE('/platform/organizations/{organization_id}/api-keys/{key_id}/workspaces/{workspace_id}', {
          params: { path: { ...path, workspace_id: id } },
        }),
      )
      const note = notifications.show({
        autoClose: 10_000,
        closeButtonProps: { 'aria-label': 'Put this away' },
        message: (
          <Group justify="space-between" wrap="nowrap">
            <Text size="sm">The key no longer reaches {name}.</Text>
            <Button
              size="compact-sm"
              variant="light"
              onClick={() => {
                notifications.hide(note)
                void grant(id)
              }}
            >
              Undo
            </Button>
          </Group>
        ),
      })
    })

  const rest = choices.filter(({ value }) => !items.some(({ id }) => id === value))
  return (
    <Card title="Workspaces" about={isBound ? 'The key is bound to one: it is good for nothing else.' : undefined}>
      <Stack gap="xs">
        {query.isPending && <Skeleton h={20} />}
        {query.isError && <ErrorNote error={query.error} retry={() => void query.refetch()} />}
        {query.isSuccess && items.length === 0 && (
          <Text size="sm" className="quiet">
            None. Routes about a workspace answer 404.
          </Text>
        )}
        {items.map((workspace) => (
          <Group key={workspace.id} justify="space-between" wrap="nowrap" gap="xs">
            <div style={{ minWidth: 0 }}>
              <Text size="sm" truncate>
                {workspace.name}
              </Text>
              <Text size="xs" className="quiet mono" truncate>
                {workspace.external_id ?? workspace.id}
              </Text>
            </div>
            {mayChange && !isBound && (
              <ActionIcon
                variant="subtle"
                color="gray"
                onClick={() => void remove(workspace)}
                aria-label={`Take ${workspace.name} away`}
              >
                <Icon name="cross" size={14} />
              </ActionIcon>
            )}
          </Group>
        ))}
        {query.hasNextPage && (
          <Button size="xs" variant="default" onClick={() => void query.fetchNextPage()}>
            Show more
          </Button>
        )}
        {mayChange && !isBound && rest.length > 0 && (
          <Group gap="xs" wrap="nowrap">
            <Select
              aria-label="Workspace to add"
              placeholder="Add a workspace"
              data={rest}
              value={picked}
              onChange={setPicked}
              searchable
              size="xs"
              flex={1}
            />
            <Button
              size="xs"
              variant="default"
              disabled={picked === null}
              onClick={() => {
                if (picked !== null) void grant(picked)
                setPicked(null)
              }}
            >
              Add
            </Button>
          </Group>
        )}
        {error !== undefined && <ErrorNote error={error} />}
      </Stack>
    </Card>
  )
}
