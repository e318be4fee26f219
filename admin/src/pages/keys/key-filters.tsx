import { Group, Select, TextInput } from '@mantine/core'
import { useDebouncedCallback } from '@mantine/hooks'
import { useState } from 'react'
import { useSettings } from '../../api/session.tsx'
import { Icon } from '../../components/icon.tsx'
import { given } from '../../components/use-query-state.ts'
import { withoutSecret } from '../../components/without-secret.ts'
import { useOwners } from './use-owners.ts'

export const filterNames = ['q', 'status', 'environment', 'owner', 'expiring'] as const
export type Filters = Readonly<Record<(typeof filterNames)[number], string>>
export const noFilters: Filters = { q: '', status: '', environment: '', owner: '', expiring: '' }

type KeyStatus = 'active' | 'expired' | 'revoked'
const statuses: readonly string[] = ['active', 'expired', 'revoked'] satisfies KeyStatus[]
const isStatus = (text: string): text is KeyStatus => statuses.includes(text)

/** The filters in the words of the API. What the address has made up is left out. */
export function listQuery({ status, expiring, ...same }: Filters) {
  const days = Number(expiring)
  const wanted = isStatus(status) ? status : expiring === '' ? undefined : 'active'
  return {
    ...given(same),
    ...(wanted !== undefined && { status: wanted }),
    ...(days > 0 && { expires_before: new Date(Date.now() + days * 86_400_000).toISOString() }),
  }
}

/** Two in a row of a phone. */
const half = 'calc(50% - 5px)'

/** Search and filters of the list of keys. */
export function KeyFilters({
  organizationId,
  filters,
  onChange,
}: {
  organizationId: string
  filters: Filters
  onChange: (change: Partial<Filters>) => void
}) {
  const environments = useSettings().data?.environments ?? []
  const { accounts, members } = useOwners(organizationId)
  const owners = [
    { group: 'Service accounts', items: accounts.map(({ id, name }) => ({ value: id, label: name })) },
    { group: 'Members', items: members.map(({ id, name }) => ({ value: id, label: name })) },
  ].filter(({ items }) => items.length > 0)

  return (
    <Group gap="xs" role="search">
      <Search key={filters.q === '' ? 'none' : 'some'} q={filters.q} onChange={(q) => onChange({ q })} />
      <Select
        aria-label="Status"
        placeholder="Any status"
        data={[
          { value: 'active', label: 'Active' },
          { value: 'expired', label: 'Expired' },
          { value: 'revoked', label: 'Revoked' },
        ]}
        value={filters.status || null}
        onChange={(status) => onChange({ status: status ?? '' })}
        clearable
        w={{ base: half, xs: 140 }}
      />
      {environments.length > 1 && (
        <Select
          aria-label="Environment"
          placeholder="Any environment"
          data={environments}
          value={filters.environment || null}
          onChange={(environment) => onChange({ environment: environment ?? '' })}
          clearable
          w={{ base: half, xs: 175 }}
        />
      )}
      <Select
        aria-label="Owner"
        placeholder="Any owner"
        data={owners}
        value={filters.owner || null}
        onChange={(owner) => onChange({ owner: owner ?? '' })}
        nothingFoundMessage="Nobody by that name"
        searchable
        clearable
        w={{ base: half, xs: 180 }}
      />
      <Select
        aria-label="Expires"
        placeholder="Any expiry"
        data={[
          { value: '7', label: 'Within 7 days' },
          { value: '30', label: 'Within 30 days' },
          { value: '90', label: 'Within 90 days' },
        ]}
        value={filters.expiring || null}
        onChange={(expiring) => onChange({ expiring: expiring ?? '' })}
        clearable
        w={{ base: half, xs: 160 }}
      />
    </Group>
  )
}

function Search({ q, onChange }: { q: string; onChange: (q: string) => void }) {
  const [text, setText] = useState(q)
  const search = useDebouncedCallback(onChange, 200)
  return (
    <TextInput
      type="search"
      aria-label="Find keys by name, or by how the key starts"
      placeholder="Name, or start of the key"
      leftSection={<Icon name="search" size={16} />}
      value={text}
      onChange={(event) => {
        const wanted = withoutSecret(event.currentTarget.value)
        setText(wanted)
        search(wanted.trim())
      }}
      maxLength={200}
      autoComplete="off"
      flex="1 1 220px"
      miw={{ base: '100%', xs: 200 }}
    />
  )
}
