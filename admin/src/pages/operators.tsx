import { Badge, Button, Group, Text } from '@mantine/core'
import { useState } from 'react'
import { api, type Schema } from '../api/client.ts'
import { usePages } from '../api/pages.ts'
import { useMe } from '../api/session.tsx'
import { Status } from '../components/badges.tsx'
import { Card } from '../components/card.tsx'
import { saveCsv } from '../components/csv.ts'
import { Empty } from '../components/empty.tsx'
import { Icon } from '../components/icon.tsx'
import { type Column, ListTable } from '../components/list-table.tsx'
import { OneTimeLink } from '../components/one-time-link.tsx'
import { Page } from '../components/page.tsx'
import { Time } from '../components/time.tsx'
import { useQueryState } from '../components/use-query-state.ts'
import { CreateOperator } from './operators/create-operator.tsx'
import { EditOperator } from './operators/edit-operator.tsx'
import { DeleteOperator, ResetPassword } from './operators/end-access.tsx'
import { type Action, OperatorMenu } from './operators/operator-menu.tsx'

type Operator = Schema<'OperatorRecord'>
interface Link {
  readonly link: Schema<'OneTimeLink'>
  readonly name: string
}

/** Everybody who can log in, for root. */
export default function OperatorsPage() {
  const me = useMe()
  // In the address: single sign-on leaves this page to prove who one is, and comes back to it.
  const [{ dialog, edit, reset }, change] = useQueryState(['dialog', 'edit', 'reset'])
  const [deleted, setDeleted] = useState<Operator | undefined>(undefined)
  // The link is here and nowhere else: no cache, no address, no storage.
  const [made, setMade] = useState<Link | undefined>(undefined)
  const pages = usePages(['operators'], (query, signal) =>
    api.GET('/platform/operators', { params: { query }, signal }),
  )
  const { items } = pages
  const locked = items.find(({ id }) => id === reset)
  const ask = (action: Action, operator: Operator): void => {
    if (action === 'delete') setDeleted(operator)
    else change({ [action]: operator.id })
  }
  return (
    <Page
      title="Operators"
      about="Everybody who can log in here. What they may do is said by root, which is above all, and by their roles in organizations."
      actions={
        <>
          {items.length > 0 && (
            <Button variant="default" onClick={() => saveCsv('operators.csv', csvColumns, items)}>
              Save as CSV
            </Button>
          )}
          {me.is_root && (
            <Button leftSection={<Icon name="plus" />} onClick={() => change({ dialog: 'create' })}>
              Add operator
            </Button>
          )}
        </>
      }
    >
      <Card flush>
        <ListTable
          label="Operators"
          pages={pages}
          columns={columns(me.id, ask)}
          empty={
            <Empty icon="people" title="Nobody yet" code="sallyport operators create ada@example.com --root">
              Whoever is to log in gets an account and a one-time link to set a password.
            </Empty>
          }
        />
      </Card>
      <CreateOperator
        opened={dialog === 'create'}
        onClose={() => change({ dialog: '' })}
        onMade={(link, name) => {
          change({ dialog: '' })
          setMade({ link, name })
        }}
      />
      <EditOperator operatorId={edit} onClose={() => change({ edit: '' })} />
      {locked !== undefined && (
        <ResetPassword
          operator={locked}
          onClose={() => change({ reset: '' })}
          onMade={(link) => setMade({ link, name: locked.name })}
        />
      )}
      {deleted !== undefined && <DeleteOperator operator={deleted} onClose={() => setDeleted(undefined)} />}
      {made !== undefined && <OneTimeLink {...made} onDone={() => setMade(undefined)} />}
    </Page>
  )
}

const columns = (
  own: string | null,
  onAsk: (action: Action, operator: Operator) => void,
): readonly Column<Operator>[] => [
  {
    name: 'Name',
    cell: ({ id, name, email }) => (
      <div>
        <Group gap={6}>
          <Text size="sm" fw={500} style={{ overflowWrap: 'anywhere' }}>
            {name}
          </Text>
          {id === own && <Badge color="gray">you</Badge>}
        </Group>
        <Text size="xs" className="quiet" style={{ overflowWrap: 'anywhere' }}>
          {email}
        </Text>
      </div>
    ),
  },
  {
    name: 'Root',
    width: 84,
    cell: ({ is_root }) =>
      is_root ? <Badge style={{ minWidth: 'max-content' }}>root</Badge> : <span className="quiet">by roles</span>,
  },
  { name: 'Logs in with', width: 170, wide: true, cell: (operator) => <LogInWays operator={operator} /> },
  { name: 'Last log-in', width: 140, wide: true, cell: ({ last_login_at }) => <Time at={last_login_at} /> },
  { name: 'Added', width: 140, wide: true, cell: ({ created_at }) => <Time at={created_at} /> },
  {
    name: 'Actions',
    menu: true,
    right: true,
    cell: (operator) => (
      <OperatorMenu operator={operator} isSelf={operator.id === own} onAsk={(action) => onAsk(action, operator)} />
    ),
  },
]

function LogInWays({ operator: { has_password, has_oidc } }: { operator: Operator }) {
  if (!has_password && !has_oidc) return <Status of="invited" />
  return [...(has_password ? ['password'] : []), ...(has_oidc ? ['single sign-on'] : [])].join(', ')
}

const csvColumns: Record<string, (operator: Operator) => unknown> = {
  id: ({ id }) => id,
  email: ({ email }) => email,
  name: ({ name }) => name,
  is_root: ({ is_root }) => is_root,
  has_password: ({ has_password }) => has_password,
  has_oidc: ({ has_oidc }) => has_oidc,
  last_login_at: ({ last_login_at }) => last_login_at,
  created_at: ({ created_at }) => created_at,
}
