import { Badge, Button, Group, Text } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, ok, type Schema } from '../../api/client.ts'
import { usePages } from '../../api/pages.ts'
import { Card } from '../../components/card.tsx'
import { Confirm } from '../../components/confirm.tsx'
import { Empty } from '../../components/empty.tsx'
import { ErrorNote } from '../../components/error-note.tsx'
import { type Column, ListTable } from '../../components/list-table.tsx'
import { Time } from '../../components/time.tsx'
import { browserName } from './browser-name.ts'

type Session = Schema<'SessionRecord'>

/** Where one is logged in, and the end of it. */
export function SessionsCard() {
  const client = useQueryClient()
  const [error, setError] = useState<unknown>(undefined)
  const [asked, setAsked] = useState(false)
  const pages = usePages(
    ['sessions', 'own'],
    (query, signal) => api.GET('/platform/sessions', { params: { query }, signal }),
    { limit: 100 },
  )
  const others = pages.items.filter(({ current }) => !current)

  const end = async (sessions: readonly Session[]): Promise<void> => {
    for (const { id } of sessions) {
      await ok(api.DELETE('/platform/sessions/{session_id}', { params: { path: { session_id: id } } }))
    }
  }
  const changed = () => client.invalidateQueries({ queryKey: ['sessions'] })
  const endOne = (session: Session): void => {
    setError(undefined)
    end([session])
      .then(() => void notifications.show({ message: 'That session is ended.' }), setError)
      .finally(() => void changed())
  }

  return (
    <Card
      title="Sessions"
      about="Where you are logged in. A session ends after 12 hours without use, and after 7 days in any case."
      flush
      actions={
        others.length > 0 && (
          <Button size="xs" variant="default" onClick={() => setAsked(true)}>
            End all others
          </Button>
        )
      }
    >
      {error !== undefined && <ErrorNote error={error} />}
      <ListTable
        label="Sessions"
        pages={pages}
        columns={columns(endOne)}
        empty={
          <Empty icon="people" title="No sessions">
            Each log-in in a browser is one.
          </Empty>
        }
      />
      <Confirm
        opened={asked}
        onClose={() => setAsked(false)}
        title="End all other sessions?"
        action="End them"
        run={() => end(others).finally(() => void changed())}
      >
        You stay logged in here. Everywhere else the next click asks for the password.
      </Confirm>
    </Card>
  )
}

const columns = (onEnd: (session: Session) => void): readonly Column<Session>[] => [
  {
    name: 'Browser',
    cell: ({ user_agent, current }) => (
      <Group gap={6} miw={150}>
        <Text size="sm" title={user_agent ?? undefined} style={{ overflowWrap: 'anywhere' }}>
          {browserName(user_agent)}
        </Text>
        {current && (
          <Badge color="teal" miw="max-content">
            this one
          </Badge>
        )}
      </Group>
    ),
  },
  { name: 'From', width: 150, wide: true, cell: ({ ip }) => <span className="mono">{ip}</span> },
  { name: 'Opened by', width: 130, wide: true, cell: ({ method }) => ways[method] },
  { name: 'Began', width: 140, wide: true, cell: ({ created_at }) => <Time at={created_at} /> },
  { name: 'Last used', width: 140, cell: ({ last_seen_at }) => <Time at={last_seen_at} /> },
  {
    name: 'Actions',
    width: 100,
    right: true,
    cell: (session) =>
      session.current ? (
        <span className="quiet">–</span>
      ) : (
        <Button
          size="compact-sm"
          variant="default"
          onClick={() => onEnd(session)}
          aria-label={`End the session of ${browserName(session.user_agent)}`}
        >
          End
        </Button>
      ),
  },
]

const ways = { password: 'password', link: 'one-time link', oidc: 'single sign-on' } as const
