import { Button, Group, Select, Stack, Text, TextInput } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, ok } from '../../api/client.ts'
import { fieldProblem } from '../../api/field-problem.ts'
import { useOnce } from '../../api/once.ts'
import { useMe } from '../../api/session.tsx'
import { ErrorNote } from '../../components/error-note.tsx'
import { useSubmit } from '../../components/use-submit.ts'
import { useOrganizationSearch } from '../../shell/use-organization-search.ts'

/** Makes the first organization, or takes one that is there. */
export function OrganizationStep({ onChosen }: { onChosen: (organizationId: string) => void }) {
  const me = useMe()
  const { items, query, search, setSearch } = useOrganizationSearch()
  const mine = items.filter(({ id }) => {
    const role = me.roles.find(({ organization_id }) => organization_id === id)?.role
    // Whoever is in hundreds is not told of all: which it may be shows then.
    const isTold = role !== undefined || me.roles.length >= me.roles_total
    return me.is_root || !isTold || role === 'owner' || role === 'admin'
  })
  return (
    <Stack gap="lg">
      {me.is_root && <CreateForm onCreated={onChosen} />}
      {query.isError && <ErrorNote error={query.error} retry={() => void query.refetch()} />}
      {(mine.length > 0 || search !== '') && (
        <Select
          label={me.is_root ? 'Or go on with one that is there' : 'Organization'}
          placeholder="Pick an organization"
          data={mine.map(({ id, name, slug }) => ({ value: id, label: `${name} (${slug})` }))}
          onChange={(id) => id !== null && onChosen(id)}
          searchable
          onSearchChange={setSearch}
          nothingFoundMessage="None by that name"
          maw={420}
        />
      )}
      {!me.is_root && query.isSuccess && search === '' && mine.length === 0 && (
        <Text size="sm">Keys are made by admins and owners of an organization. Ask one of them for a key.</Text>
      )}
    </Stack>
  )
}

function CreateForm({ onCreated }: { onCreated: (organizationId: string) => void }) {
  const client = useQueryClient()
  const once = useOnce()
  const [name, setName] = useState('')

  const { submit, busy, error } = useSubmit(async () => {
    const body = { name }
    const { id } = await once(body, (header) => ok(api.POST('/platform/organizations', { params: { header }, body })))
    void client.invalidateQueries({ queryKey: ['organizations'] })
    onCreated(id)
  })

  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        <Text size="sm">
          Keys belong to an organization: a customer, a team, or all of you. Each has members, limits and a log of its
          own.
        </Text>
        <Group align="flex-start" gap="xs">
          <TextInput
            aria-label="Name of the organization"
            placeholder="Name, such as: Acme Ltd"
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            error={fieldProblem(error, 'name')}
            maxLength={200}
            autoComplete="organization"
            autoFocus
            required
            w={320}
            maw="100%"
          />
          <Button type="submit" loading={busy} disabled={name.trim() === ''}>
            Create organization
          </Button>
        </Group>
        {error !== undefined && <ErrorNote error={error} />}
      </Stack>
    </form>
  )
}
