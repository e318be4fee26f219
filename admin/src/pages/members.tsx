import { Badge, Box, Button, Group, Menu, Text } from '@mantine/core'
import { useState } from 'react'
import { Link } from 'wouter'
import { api, type Schema } from '../api/client.ts'
import { usePages } from '../api/pages.ts'
import { useMay, useMe } from '../api/session.tsx'
import { Status } from '../components/badges.tsx'
import { Card } from '../components/card.tsx'
import { saveCsv } from '../components/csv.ts'
import { Empty } from '../components/empty.tsx'
import { Icon } from '../components/icon.tsx'
import { type Column, ListTable } from '../components/list-table.tsx'
import { OneTimeLink } from '../components/one-time-link.tsx'
import { Page } from '../components/page.tsx'
import { RoleBadge } from '../components/role.tsx'
import { RowMenu } from '../components/row-menu.tsx'
import { Time } from '../components/time.tsx'
import { useQueryState } from '../components/use-query-state.ts'
import { useThisOrganization } from '../shell/use-organization.ts'
import { AddMember } from './members/add-member.tsx'
import { ChangeRole } from './members/change-role.tsx'
import { LinkAgain } from './members/link-again.tsx'
import { RemoveMember } from './members/remove-member.tsx'
import type { Member } from './members/use-members.ts'

/** The people of an organization. */
export default function MembersPage() {
  const me = useMe()
  const organizationId = useThisOrganization()
  const [{ dialog, edit, link }, change] = useQueryState(['dialog', 'edit', 'link'])
  const isOwner = useMay(organizationId, 'owner')
  const [leaving, setLeaving] = useState<Member | undefined>(undefined)
  // The link is here and nowhere else: no cache, no address, no storage.
  const [made, setMade] = useState<{ link: Schema<'OneTimeLink'>; name: string } | undefined>(undefined)
  const pages = usePages(['members', organizationId], (query, signal) =>
    api.GET('/platform/organizations/{organization_id}/members', {
      params: { path: { organization_id: organizationId }, query },
      signal,
    }),
  )
  const invited = pages.items.find(({ id, status }) => id === link && status === 'invited')
  const menu: Column<Member> = {
    name: 'Actions',
    menu: true,
    right: true,
    cell: (member) => (
      <RowMenu name={member.name}>
        <Menu.Item onClick={() => change({ edit: member.id })} leftSection={<Icon name="pencil" size={16} />}>
          Change the role
        </Menu.Item>
        {member.status === 'invited' && (
          <Menu.Item onClick={() => change({ link: member.id })} leftSection={<Icon name="refresh" size={16} />}>
            Make the link again…
          </Menu.Item>
        )}
        <Menu.Item
          component={Link}
          href={`/o/${organizationId}/events?actor=${member.id}`}
          leftSection={<Icon name="events" size={16} />}
        >
          What they have done
        </Menu.Item>
        <Menu.Item color="red" onClick={() => setLeaving(member)} leftSection={<Icon name="out" size={16} />}>
          {member.id === me.id ? 'Leave…' : 'Remove…'}
        </Menu.Item>
      </RowMenu>
    ),
  }
  return (
    <Page
      title="Members"
      about="The people who look after this organization here. A role says what each may do; the API itself is called with keys, which need no member."
      actions={
        <>
          {pages.items.length > 0 && (
            <Button variant="default" onClick={() => saveCsv('members.csv', csvColumns, pages.items)}>
              Save as CSV
            </Button>
          )}
          {isOwner && (
            <Button leftSection={<Icon name="plus" />} onClick={() => change({ dialog: 'add' })}>
              Add member
            </Button>
          )}
        </>
      }
    >
      <Card flush>
        <ListTable
          label="Members"
          pages={pages}
          columns={isOwner ? [...columns(me.id), menu] : columns(me.id)}
          empty={
            <Empty
              icon="people"
              title="No members yet"
              code={curl(organizationId)}
              action={isOwner && <Button onClick={() => change({ dialog: 'add' })}>Add the first one</Button>}
            >
              Only whoever runs this gateway sees this organization so far. Add its owner: they can add everybody else.
            </Empty>
          }
        />
      </Card>
      {isOwner && (
        <>
          <AddMember
            organizationId={organizationId}
            opened={dialog === 'add'}
            onClose={() => change({ dialog: '' })}
            onMade={(link, name) => {
              change({ dialog: '' })
              setMade({ link, name })
            }}
          />
          <ChangeRole organizationId={organizationId} operatorId={edit} onClose={() => change({ edit: '' })} />
        </>
      )}
      {leaving !== undefined && <RemoveMember member={leaving} onClose={() => setLeaving(undefined)} />}
      {isOwner && invited !== undefined && (
        <LinkAgain
          member={invited}
          onClose={() => change({ link: '' })}
          onMade={(link, name) => setMade({ link, name })}
        />
      )}
      {made !== undefined && <OneTimeLink {...made} onDone={() => setMade(undefined)} />}
    </Page>
  )
}

const columns = (own: string | null): readonly Column<Member>[] => [
  {
    name: 'Name',
    cell: ({ id, name, email }) => (
      <Box>
        <Group gap={6}>
          <Text size="sm" fw={500} style={{ overflowWrap: 'anywhere' }}>
            {name}
          </Text>
          {id === own && <Badge color="gray">you</Badge>}
        </Group>
        <Text size="xs" className="quiet" style={{ overflowWrap: 'anywhere' }}>
          {email}
        </Text>
      </Box>
    ),
  },
  {
    name: 'Role',
    width: 140,
    cell: ({ role, source }) => (
      <Group style={{ columnGap: 6, rowGap: 0 }}>
        <RoleBadge role={role} />
        {source === 'oidc' && (
          <Text size="xs" className="quiet">
            by single sign-on
          </Text>
        )}
      </Group>
    ),
  },
  { name: 'Status', width: 110, wide: true, cell: ({ status }) => <Status of={status} /> },
  { name: 'Added', width: 140, wide: true, cell: ({ created_at }) => <Time at={created_at} /> },
]

const curl = (organizationId: string): string =>
  `curl -X POST ${window.location.origin}/platform/organizations/${organizationId}/members \\
  -H "Authorization: Bearer $SALLYPORT_TOKEN" -H "Content-Type: application/json" \\
  -d '{"email": "ada@example.com", "role": "owner"}'`

const csvColumns: Record<string, (member: Member) => unknown> = {
  id: ({ id }) => id,
  email: ({ email }) => email,
  name: ({ name }) => name,
  role: ({ role }) => role,
  status: ({ status }) => status,
  source: ({ source }) => source,
  created_at: ({ created_at }) => created_at,
}
