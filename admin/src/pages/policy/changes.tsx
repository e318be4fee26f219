import { Badge, Group, Stack, Text, Title } from '@mantine/core'
import type { ReactNode } from 'react'
import type { Schema } from '../../api/client.ts'

type PolicyChanges = NonNullable<Schema<'PolicyVerdict'>['changes']>
type Place = PolicyChanges['routes']['added'][number]
type Kind = 'added' | 'removed' | 'changed'

export const countOf = ({ routes, scopes, limits, upstreams, settings }: PolicyChanges): number =>
  settings.length +
  [routes, scopes, limits, upstreams].reduce(
    (sum, { added, removed, changed }) => sum + added.length + removed.length + changed.length,
    0,
  )

/** What would become different, by what it is about. */
export function Changes({ changes }: { changes: PolicyChanges }) {
  if (countOf(changes) === 0) {
    return (
      <Text size="sm" className="quiet">
        Nothing: comments and the order of lines are no difference.
      </Text>
    )
  }
  const { routes, scopes, limits, upstreams, settings, left_out: leftOut } = changes
  return (
    <Stack gap="lg">
      <Part
        title="Routes"
        lines={[
          ...routes.removed.map((place): Line => ({ kind: 'removed', id: idOf(place), text: <Where place={place} /> })),
          ...routes.changed.map(
            (place): Line => ({
              kind: 'changed',
              id: idOf(place),
              text: <Where place={place} />,
              more: place.fields.join(', '),
            }),
          ),
          ...routes.added.map((place): Line => ({ kind: 'added', id: idOf(place), text: <Where place={place} /> })),
        ]}
      />
      <Part title="Scopes" lines={linesOf(scopes)} />
      <Part title="Limits" lines={linesOf(limits)} />
      <Part title="Upstreams" lines={linesOf(upstreams)} />
      <Part
        title="Other settings"
        lines={settings.map(({ path, needs_restart }) => ({
          kind: 'changed',
          id: path,
          text: <span className="mono">{path}</span>,
          ...(needs_restart && { more: 'takes effect when the gateway is started again' }),
        }))}
      />
      {leftOut > 0 && (
        <Text size="sm" className="quiet">
          {leftOut} more are not shown.
        </Text>
      )}
    </Stack>
  )
}

interface Line {
  readonly kind: Kind
  readonly id: string
  readonly text: ReactNode
  readonly more?: string
}

const colours: Readonly<Record<Kind, string>> = { added: 'teal', removed: 'red', changed: 'blue' }

function Part({ title, lines }: { title: string; lines: readonly Line[] }) {
  if (lines.length === 0) return null
  return (
    <div>
      <Title order={3} size="h6" mb={6}>
        {title}
      </Title>
      <Stack gap={6} component="ul" p={0} m={0} style={{ listStyle: 'none' }}>
        {lines.map(({ kind, id, text, more }) => (
          <Group key={`${kind} ${id}`} component="li" gap="xs" align="baseline" wrap="nowrap">
            <Badge color={colours[kind]} w={94} style={{ flexShrink: 0 }}>
              {kind}
            </Badge>
            <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
              {text}
              {more !== undefined && <span className="quiet"> · {more}</span>}
            </Text>
          </Group>
        ))}
      </Stack>
    </div>
  )
}

const linesOf = ({ added, removed, changed }: PolicyChanges['scopes']): Line[] => {
  const of = (kind: Kind, names: readonly string[]): Line[] =>
    names.map((name) => ({ kind, id: name, text: <span className="mono">{name}</span> }))
  return [...of('removed', removed), ...of('changed', changed), ...of('added', added)]
}

const idOf = ({ host, path, methods }: Place): string => JSON.stringify([host, path, methods])

const Where = ({ place: { host, path, methods } }: { place: Place }) => (
  <span className="mono">
    {methods !== null && <b>{methods.join(' ')} </b>}
    {host}
    {path}
  </span>
)
