import { MultiSelect, Radio, Select, Stack } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { api, ok } from '../../api/client.ts'

/** any: none; some: grants; one: bound to it. */
export interface Reach {
  readonly kind: 'none' | 'some' | 'one'
  readonly some: readonly string[]
  readonly one: string | null
}

/** The newest 200 workspaces, for selects. */
export function useWorkspaceChoices(organizationId: string) {
  const { data = [] } = useQuery({
    queryKey: ['workspaces', organizationId, 'names'],
    queryFn: ({ signal }) =>
      ok(
        api.GET('/platform/organizations/{organization_id}/workspaces', {
          params: { path: { organization_id: organizationId }, query: { limit: '200' } },
          signal,
        }),
      ),
    staleTime: 60_000,
  })
  return data.map(({ id, name, external_id }) => ({
    value: id,
    label: external_id === null ? name : `${name} (${external_id})`,
  }))
}

/** Which workspaces a new key reaches. Not shown where the organization has none. */
export function WorkspacesInput({
  organizationId,
  value,
  onChange,
  error,
}: {
  organizationId: string
  value: Reach
  onChange: (value: Reach) => void
  error?: string | undefined
}) {
  const data = useWorkspaceChoices(organizationId)
  if (data.length === 0) return null
  return (
    <Radio.Group
      label="Workspaces"
      description="Routes about one workspace let a key through only where it has a grant for it."
      value={value.kind}
      onChange={(kind) => onChange({ ...value, kind: kind as Reach['kind'] })}
    >
      <Stack gap="xs" mt="xs">
        <Radio value="none" label="None, for now" description="Grants can be added later." />
        <Radio value="some" label="Some" />
        {value.kind === 'some' && (
          <MultiSelect
            ml="xl"
            aria-label="Workspaces that it reaches"
            placeholder={value.some.length === 0 ? 'Pick workspaces' : ''}
            data={data}
            value={[...value.some]}
            onChange={(some) => onChange({ ...value, some })}
            maxValues={100}
            searchable
            clearable
            error={error}
          />
        )}
        <Radio value="one" label="Bound to one" description="It is good for that workspace alone, for always." />
        {value.kind === 'one' && (
          <Select
            ml="xl"
            aria-label="The workspace that it is bound to"
            placeholder="Pick a workspace"
            data={data}
            value={value.one}
            onChange={(one) => onChange({ ...value, one })}
            searchable
            required
            error={error}
          />
        )}
      </Stack>
    </Radio.Group>
  )
}
