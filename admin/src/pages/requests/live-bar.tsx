import { Badge, Button, Group, Text } from '@mantine/core'
import { Icon } from '../../components/icon.tsx'
import { type Tail, tailMax } from './use-tail.ts'

/** What the live tail does, and how to hold it. */
export function LiveBar({ tail }: { tail: Tail }) {
  const { state, paused, waiting, rows, isFull } = tail
  return (
    <Group gap="sm" wrap="nowrap" role="status">
      <Badge color={state === 'lost' ? 'orange' : paused ? 'gray' : 'teal'} style={{ flexShrink: 0 }}>
        {state === 'lost' ? 'connecting again' : state === 'connecting' ? 'connecting' : paused ? 'paused' : 'live'}
      </Badge>
      {paused ? (
        <Button size="compact-sm" leftSection={<Icon name="play" size={14} />} onClick={tail.resume}>
          {waiting === 0 ? 'Go on' : `Show ${waiting.toLocaleString('en')} new`}
        </Button>
      ) : (
        <Button size="compact-sm" variant="default" leftSection={<Icon name="pause" size={14} />} onClick={tail.pause}>
          Pause
        </Button>
      )}
      {(isFull || waiting > tailMax) && (
        <Text size="xs" className="quiet" visibleFrom="xs">
          The last {tailMax} are kept{rows.length < tailMax && paused ? ' while it is paused' : ''}.
        </Text>
      )}
    </Group>
  )
}
