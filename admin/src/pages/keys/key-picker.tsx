import { Select, type SelectProps } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useState } from 'react'
import { api, type Schema } from '../../api/client.ts'
import { usePages } from '../../api/pages.ts'
import { withoutSecret } from '../../components/without-secret.ts'
import { useKey } from '../key/use-key.ts'

/** One key of an organization, found by its name or by how it starts. */
export function KeyPicker({
  organizationId,
  value,
  onChange,
  ...select
}: {
  organizationId: string
  /** Its id, or empty. */
  value: string
  onChange: (keyId: string) => void
} & Pick<SelectProps, 'label' | 'placeholder' | 'required' | 'w' | 'error' | 'description'>) {
  const [search, setSearch] = useState('')
  const [opened, setOpened] = useState(false)
  const chosen = useKey(organizationId, value)
  const label = chosen.data === undefined ? value : labelOf(chosen.data.key)
  // What stands in the field once one is chosen is no search.
  const [q] = useDebouncedValue(search === label ? '' : withoutSecret(search).trim(), 200)
  const { items, query } = usePages(
    ['keys', organizationId, { q }],
    (page, signal) =>
      api.GET('/platform/organizations/{organization_id}/api-keys', {
        params: { path: { organization_id: organizationId }, query: { ...page, ...(q !== '' && { q }) } },
        signal,
      }),
    { limit: 20, enabled: opened },
  )
  const data = items.filter(({ id }) => id !== value).map((key) => ({ value: key.id, label: labelOf(key) }))
  return (
    <Select
      {...(select.label === undefined && { 'aria-label': 'Key' })}
      {...select}
      data={value === '' ? data : [{ value, label }, ...data]}
      value={value || null}
      onChange={(next) => onChange(next ?? '')}
      searchable
      clearable
      searchValue={search}
      onSearchChange={setSearch}
      onDropdownOpen={() => setOpened(true)}
      onDropdownClose={() => setOpened(false)}
      // The server has searched.
      filter={({ options }) => options}
      nothingFoundMessage={query.isFetching ? 'Looking…' : 'No key matches'}
      maxLength={200}
    />
  )
}

const labelOf = ({ name, key_suffix }: Schema<'ApiKeyRecord'>): string => `${name} …${key_suffix}`
