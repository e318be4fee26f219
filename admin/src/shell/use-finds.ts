import { useDebouncedValue } from '@mantine/hooks'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { api, ok } from '../api/client.ts'
import type { IconName } from '../components/icon.tsx'
import { useOrganization } from './organization-switcher.tsx'
import { instancePlaces, placesOf } from './places.ts'

/** Somewhere to go. */
export interface Find {
  readonly to: string
  readonly label: string
  readonly about: string
  readonly icon: IconName
  readonly kind: 'page' | 'organization' | 'key'
}

const foundMax = 30

/** What has these letters in its name, the best first: pages, organizations, and keys of the organization. */
export function useFinds(text: string, organizationId: string | undefined, isRoot: boolean): readonly Find[] {
  const wanted = text.trim().toLowerCase()
  const name = useOrganization(organizationId).data?.name ?? ''
  const [q] = useDebouncedValue(wanted, 200)
  const { data: organizations = [] } = useQuery({
    queryKey: ['organizations', 'palette', q],
    queryFn: ({ signal }) =>
      ok(api.GET('/platform/organizations', { params: { query: { limit: '8', ...(q !== '' && { q }) } }, signal })),
    placeholderData: keepPreviousData,
  })
  const { data: keys = [] } = useQuery({
    queryKey: ['keys', organizationId, 'palette', q],
    queryFn: ({ signal }) =>
      ok(
        api.GET('/platform/organizations/{organization_id}/api-keys', {
          params: { path: { organization_id: organizationId ?? '' }, query: { q, limit: '5' } },
          signal,
        }),
      ),
    enabled: organizationId !== undefined && q.length >= 2,
    placeholderData: keepPreviousData,
  })
  const all: Find[] = [
    ...placesOf(organizationId).map((place) => ({ ...place, kind: 'page' as const, about: name })),
    ...(isRoot ? instancePlaces.map((place) => ({ ...place, kind: 'page' as const, about: 'Instance' })) : []),
    { label: 'Your account', to: '/account', icon: 'settings', kind: 'page', about: '' },
    ...organizations
      .filter(({ id }) => id !== organizationId)
      .map(({ id, name: label, slug }) => ({
        to: `/o/${id}`,
        label,
        icon: 'building' as const,
        kind: 'organization' as const,
        about: slug,
      })),
  ]
  const found = [...all, ...(wanted.length < 2 ? [] : keys.map(keyFind))]
  const ranked = found.map((find) => ({ find, rank: rankOf(find, wanted) })).filter(({ rank }) => rank < 4)
  return ranked
    .sort((one, other) => one.rank - other.rank)
    .slice(0, foundMax)
    .map(({ find }) => find)
}

/** How well it is named by what was typed: from its beginning, by one of its words, somewhere, or as the server says; 4: not. */
function rankOf({ label, about, kind }: Find, wanted: string): number {
  const name = label.toLowerCase()
  if (name.startsWith(wanted)) return 0
  if (name.includes(` ${wanted}`)) return 1
  if (name.includes(wanted)) return 2
  return kind === 'key' || (kind === 'organization' && about.includes(wanted)) ? 3 : 4
}

const keyFind = ({
  id,
  name,
  organization_id,
  key_prefix,
  key_suffix,
}: {
  readonly id: string
  readonly name: string
  readonly organization_id: string
  readonly key_prefix: string
  readonly key_suffix: string
}): Find => ({
  to: `/o/${organization_id}/keys/${id}`,
  label: name,
  icon: 'key',
  kind: 'key',
  about: `${key_prefix}…${key_suffix}`,
})
