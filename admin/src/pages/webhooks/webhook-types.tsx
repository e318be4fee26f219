import { Badge, Checkbox, Group, Radio, Stack, Text } from '@mantine/core'
import type { Schema } from '../../api/client.ts'

export type Webhook = Schema<'WebhookRecord'>
export type EventType = Webhook['events'][number]

/** What can be asked for, and when it is sent. webhook.test comes whenever somebody asks for it. */
const types: readonly (readonly [EventType, string])[] = [
  ['api_key.created', 'A key was made.'],
  ['api_key.updated', 'Its name, scopes, limits or workspaces were changed.'],
  ['api_key.rotated', 'It has a new secret.'],
  ['api_key.revoked', 'It was revoked or deleted.'],
  ['api_key.expiring', 'It ends in a few days.'],
  ['api_key.exposed', 'It came in a URL, where others may have read it.'],
  ['organization.suspended', 'All keys of the organization are refused.'],
  ['organization.resumed', 'They are let through again.'],
]

/** What a delivery can be of. */
export const deliveryTypes: readonly Schema<'WebhookDeliveryRecord'>['type'][] = [
  ...types.flatMap(([type]) => (type === '*' ? [] : [type])),
  'webhook.test',
]

/** Which events a webhook is told of: all, those of later versions too, or some. */
export function EventsInput({
  value,
  onChange,
  error,
}: {
  value: readonly EventType[]
  onChange: (events: readonly EventType[]) => void
  error?: string | undefined
}) {
  const isAll = value.includes('*')
  return (
    <Radio.Group
      label="Events"
      value={isAll ? 'all' : 'some'}
      onChange={(next) => onChange(next === 'all' ? ['*'] : ['api_key.revoked', 'api_key.exposed'])}
      error={error}
    >
      <Stack gap="xs" mt="xs">
        <Radio value="all" label="All of them" description="Those that later versions add, too." />
        <Radio value="some" label="Some" />
        {!isAll && (
          <Checkbox.Group
            aria-label="Events that are sent"
            value={[...value]}
            onChange={(next) => onChange(next as EventType[])}
          >
            <Stack gap="xs" pl="xl">
              {types.map(([type, about]) => (
                <Checkbox key={type} value={type} label={<span className="mono">{type}</span>} description={about} />
              ))}
            </Stack>
          </Checkbox.Group>
        )}
      </Stack>
    </Radio.Group>
  )
}

/** In a row: the first of them, and how many more. */
export function EventBadges({ events, shown = events.length }: { events: readonly EventType[]; shown?: number }) {
  if (events.includes('*')) return <Text size="sm">all events</Text>
  return (
    <Group gap={4}>
      {events.slice(0, shown).map((type) => (
        <Badge key={type} variant="default" tt="none" className="mono" fw={400}>
          {type}
        </Badge>
      ))}
      {events.length > shown && (
        <Text size="xs" className="quiet">
          and {events.length - shown} more
        </Text>
      )}
    </Group>
  )
}
