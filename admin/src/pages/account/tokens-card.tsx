import { Button, Text } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, ok, type Schema } from '../../api/client.ts'
import { usePages } from '../../api/pages.ts'
import { Card } from '../../components/card.tsx'
import { Confirm } from '../../components/confirm.tsx'
import { Empty } from '../../components/empty.tsx'
import { Icon } from '../../components/icon.tsx'
import { type Column, ListTable } from '../../components/list-table.tsx'
import { SecretOnce } from '../../components/secret-once.tsx'
import { Time } from '../../components/time.tsx'
import { useQueryState } from '../../components/use-query-state.ts'
import { useOrganization } from '../../shell/organization-switcher.tsx'
import { CreateToken } from './create-token.tsx'

type Token = Schema<'AdminTokenRecord'>

/** Tokens with which scripts work in one's own name. */
export function TokensCard() {
  const client = useQueryClient()
  const [{ dialog }, change] = useQueryState(['dialog'])
  const [asked, setAsked] = useState<Token | undefined>(undefined)
  // The secret is here and nowhere else: no cache, no address, no storage.
  const [made, setMade] = useState<{ token: Token; raw_token: string | null } | undefined>(undefined)
  const pages = usePages(
    ['tokens', 'own'],
    (query, signal) => api.GET('/platform/tokens', { params: { query }, signal }),
    { limit: 100 },
  )
  const create = (): void => change({ dialog: 'token' })
  return (
    <Card
      title="Personal tokens"
      about="For scripts that use the admin API in your name. One never carries more than you may do yourself."
      flush
      actions={
        pages.items.length > 0 && (
          <Button size="xs" variant="default" leftSection={<Icon name="plus" size={14} />} onClick={create}>
            Create token
          </Button>
        )
      }
    >
      <ListTable
        label="Personal tokens"
        pages={pages}
        columns={columns(setAsked)}
        empty={
          <Empty
            icon="key"
            title="No tokens yet"
            code={`curl -H "Authorization: Bearer <token>" ${window.location.origin}/platform/me`}
            action={
              <Button mt="xs" variant="default" onClick={create}>
                Create the first token
              </Button>
            }
          >
            A token does over the admin API what you do here, within the role that you give it.
          </Empty>
        }
      />
      <CreateToken
        opened={dialog === 'token' && made === undefined}
        onClose={() => change({ dialog: '' })}
        onMade={(created) => {
          setMade(created)
          change({ dialog: '' })
        }}
      />
      {made !== undefined && (
        <SecretOnce
          title={`The token “${made.token.name}”`}
          secret={made.raw_token}
          filename="sallyport-token.txt"
          {...(made.raw_token !== null && {
            example: `curl -H "Authorization: Bearer ${made.raw_token}" ${window.location.origin}/platform/me`,
          })}
          lost="This was shown before and can’t be shown again. Revoke it and make another if nobody has stored it."
          onStored={() => setMade(undefined)}
        />
      )}
      {asked !== undefined && (
        <Confirm
          opened
          onClose={() => setAsked(undefined)}
          title={`Revoke “${asked.name}”?`}
          action="Revoke"
          run={async () => {
            await ok(api.DELETE('/platform/tokens/{token_id}', { params: { path: { token_id: asked.id } } }))
            await client.invalidateQueries({ queryKey: ['tokens'] })
          }}
        >
          What works with it is refused from the next request on. It can’t be made good again.
        </Confirm>
      )}
    </Card>
  )
}

const columns = (onRevoke: (token: Token) => void): readonly Column<Token>[] => [
  {
    name: 'Name',
    cell: ({ name, suffix }) => (
      <div style={{ minWidth: 140 }}>
        <Text size="sm" fw={500} style={{ overflowWrap: 'anywhere' }}>
          {name}
        </Text>
        <Text size="xs" className="quiet mono">
          …{suffix}
        </Text>
      </div>
    ),
  },
  {
    name: 'Carries',
    wide: true,
    cell: ({ role, organization_id }) => (
      <div style={{ minWidth: 110 }}>
        {role}
        {organization_id !== null && (
          <>
            {' '}
            in <OrganizationName id={organization_id} />
          </>
        )}
        {organization_id === null && role !== 'root' && ' in all of yours'}
      </div>
    ),
  },
  { name: 'Expires', width: 130, cell: ({ expires_at }) => <Time at={expires_at} /> },
  { name: 'Last used', width: 140, wide: true, cell: ({ last_used_at }) => <Time at={last_used_at} /> },
  { name: 'Created', width: 140, wide: true, cell: ({ created_at }) => <Time at={created_at} /> },
  {
    name: 'Actions',
    width: 100,
    right: true,
    cell: (token) => (
      <Button
        size="compact-sm"
        variant="default"
        onClick={() => onRevoke(token)}
        aria-label={`Revoke the token ${token.name}`}
      >
        Revoke
      </Button>
    ),
  },
]

const OrganizationName = ({ id }: { id: string }) =>
  useOrganization(id).data?.name ?? <span className="mono">{id}</span>
