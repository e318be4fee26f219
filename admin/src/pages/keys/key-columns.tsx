import { Anchor, Group, Text, Tooltip } from '@mantine/core'
import { Link } from 'wouter'
import { Environment, Status } from '../../components/badges.tsx'
import { Icon } from '../../components/icon.tsx'
import type { Column } from '../../components/list-table.tsx'
import { relativeTime, Time } from '../../components/time.tsx'
import { Masked, masked } from './masked.tsx'
import { type ApiKey, ownerOf, type useOwners } from './use-owners.ts'

type Owners = ReturnType<typeof useOwners>

export const keyColumns = (base: string, owners: Owners): readonly Column<ApiKey>[] => [
  {
    name: 'Name',
    cell: (key) => (
      <>
        <Anchor
          component={Link}
          href={`${base}/${key.id}`}
          size="sm"
          fw={500}
          display="block"
          truncate
          title={key.name}
        >
          {key.name}
        </Anchor>
        {key.system && (
          <Text size="xs" className="quiet">
            system
          </Text>
        )}
      </>
    ),
  },
  {
    name: 'Key',
    width: 156,
    wide: true,
    cell: (key) => (
      <>
        <Masked {...key} />
        {olderSecrets(key).map((secret) => (
          <Text key={secret.id} size="xs" className="quiet" style={{ whiteSpace: 'nowrap' }}>
            <span className="mono">…{secret.key_suffix}</span> ends {relativeTime(secret.expires_at ?? '')}
          </Text>
        ))}
      </>
    ),
  },
  {
    name: 'Status',
    width: 136,
    cell: (key) => (
      <Group gap={6} wrap="nowrap">
        <Status of={key.status} />
        <Environment name={key.environment} />
      </Group>
    ),
  },
  { name: 'Scopes', width: 136, wide: true, cell: (key) => <Scopes scopes={key.scopes} /> },
  { name: 'Owner', width: 146, wide: true, cell: (key) => <Owner owner={ownerOf(key, owners)} /> },
  {
    name: 'Last used',
    width: 120,
    wide: true,
    cell: (key) => (
      <>
        <Time at={key.secrets[0]?.last_used_at ?? key.last_used_at} />
        {olderSecrets(key).map((secret) => (
          <Text key={secret.id} size="xs" className="quiet">
            <Time at={secret.last_used_at} />
          </Text>
        ))}
      </>
    ),
  },
  {
    name: 'Expires',
    width: 102,
    wide: true,
    cell: (key) => (
      <Text size="sm" span c={isExpiring(key) ? 'var(--warn)' : undefined} fw={isExpiring(key) ? 600 : undefined}>
        <Time at={key.expires_at} />
      </Text>
    ),
  },
]

export const csvColumns = (owners: Owners): Record<string, (key: ApiKey) => unknown> => ({
  id: (key) => key.id,
  name: (key) => key.name,
  key: masked,
  status: (key) => key.status,
  environment: (key) => key.environment,
  scopes: (key) => key.scopes.join(' '),
  owner: (key) => ownerOf(key, owners)?.name,
  workspaces: (key) => key.workspaces_total,
  allowed_ips: (key) => key.allowed_ips.join(' '),
  created_at: (key) => key.created_at,
  last_used_at: (key) => key.last_used_at,
  expires_at: (key) => key.expires_at,
  revoked_at: (key) => key.revoked_at,
  revoked_reason: (key) => key.revoked_reason,
})

/** Those of before the last rotation that are still good. */
const olderSecrets = ({ secrets, status }: ApiKey) =>
  status === 'active' ? secrets.filter(({ expires_at }) => expires_at !== null) : []

/** Within a week. */
const isExpiring = ({ status, expires_at }: ApiKey): boolean =>
  status === 'active' && expires_at !== null && Date.parse(expires_at) - Date.now() < 7 * 86_400_000

function Scopes({ scopes }: { scopes: readonly string[] }) {
  const [first] = scopes
  if (first === undefined) return <span className="quiet">none</span>
  const label = first === '*' ? 'everything' : scopes.length === 1 ? first : `${scopes.length} scopes`
  return (
    <Tooltip label={scopes.slice(0, 20).join(', ')} multiline maw={320} disabled={label === first}>
      <Text
        size="sm"
        truncate
        title={label === first ? first : undefined}
        className={label === first ? 'mono' : undefined}
      >
        {label}
      </Text>
    </Tooltip>
  )
}

function Owner({ owner }: { owner: ReturnType<typeof ownerOf> }) {
  if (owner === undefined) return <span className="quiet">–</span>
  return (
    <Group gap={6} wrap="nowrap" title={`${owner.account ? 'Service account: ' : ''}${owner.name}`}>
      <span className="quiet" style={{ display: 'flex' }}>
        <Icon name={owner.account ? 'robot' : 'people'} size={15} />
      </span>
      <Text size="sm" truncate>
        {owner.name}
      </Text>
    </Group>
  )
}
