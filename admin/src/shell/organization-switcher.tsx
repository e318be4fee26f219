import { Button, Menu, ScrollArea, Text, TextInput } from '@mantine/core'
import { skipToken, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Link, useLocation } from 'wouter'
import { api, ok, type Schema } from '../api/client.ts'
import { useMe } from '../api/session.tsx'
import { Icon } from '../components/icon.tsx'
import { useOrganizationSearch } from './use-organization-search.ts'

/** Which organization one looks at, and the way to another: the same page of it. */
export function OrganizationSwitcher({ organizationId }: { organizationId: string | undefined }) {
  const me = useMe()
  const [opened, setOpened] = useState(false)
  const [location, go] = useLocation()
  const { items: found, query, search, setSearch, isSettled } = useOrganizationSearch(opened)
  const current = useOrganization(organizationId)

  const choose = (id: string): void => {
    setOpened(false)
    setSearch('')
    // The page of the same kind; what it showed in detail belongs to the other one.
    const page = /^\/o\/[^/]+(\/[^/]+)?/.exec(location)?.[1] ?? ''
    go(`/o/${id}${page}`)
  }

  if (organizationId === undefined && !me.is_root) return null
  const shown = current.data?.name ?? (organizationId === undefined || current.isError ? 'Choose an organization' : '…')
  return (
    <Menu opened={opened} onChange={setOpened} width={280} position="bottom-start" trapFocus>
      <Menu.Target>
        <Button
          variant="default"
          size="compact-md"
          rightSection={<Icon name="chevron" size={14} />}
          aria-label={`Organization: ${shown}`}
          maw={240}
          miw={0}
        >
          <Text size="sm" truncate>
            {shown}
          </Text>
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <TextInput
          size="xs"
          placeholder="Find an organization"
          aria-label="Find an organization"
          value={search}
          onChange={(event) => setSearch(event.currentTarget.value)}
          onKeyDown={(event) => {
            const [first] = found
            if (event.key === 'Enter' && isSettled && first !== undefined) choose(first.id)
          }}
          mb={4}
        />
        <ScrollArea.Autosize mah={300} type="auto">
          {found.map(({ id, name, slug, status }) => (
            <Menu.Item key={id} onClick={() => choose(id)} aria-current={id === organizationId ? 'true' : undefined}>
              <Text size="sm" fw={id === organizationId ? 600 : 400}>
                {name}
              </Text>
              <Text size="xs" className="quiet">
                {slug}
                {status === 'suspended' && ' · suspended'}
              </Text>
            </Menu.Item>
          ))}
          {query.isSuccess && isSettled && found.length === 0 && <Menu.Label>None by that name</Menu.Label>}
          {query.hasNextPage && (
            <Menu.Item closeMenuOnClick={false} onClick={() => void query.fetchNextPage()}>
              Show more
            </Menu.Item>
          )}
        </ScrollArea.Autosize>
        {(me.is_root || me.roles_total > 1) && (
          <>
            <Menu.Divider />
            <Menu.Item component={Link} href="/organizations" leftSection={<Icon name="building" />}>
              All organizations
            </Menu.Item>
          </>
        )}
      </Menu.Dropdown>
    </Menu>
  )
}

/** Its name, where it is known already: asks nothing. */
export const useOrganizationName = (organizationId: string | undefined): string | undefined =>
  useQuery<Schema<'OrganizationRecord'>>({ queryKey: ['organization', organizationId], queryFn: skipToken }).data?.name

export function useOrganization(organizationId: string | undefined) {
  return useQuery({
    queryKey: ['organization', organizationId],
    enabled: organizationId !== undefined,
    queryFn: ({ signal }) =>
      ok(
        api.GET('/platform/organizations/{organization_id}', {
          params: { path: { organization_id: organizationId ?? '' } },
          signal,
        }),
      ),
    staleTime: 60_000,
  })
}
