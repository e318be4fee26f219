import { Button, Group, Menu, Text } from '@mantine/core'
import { useSettings } from '../../api/session.tsx'
import { Icon } from '../../components/icon.tsx'
import { idsMax, jobKnows, type Target } from './bulk.ts'
import type { Filters } from './key-filters.tsx'

/** Stands over the list: how much is shown, or what can be done with the keys that are ticked. */
export function KeysToolbar({
  shown,
  hasMore,
  ticked,
  filters,
  mayOrder,
  onClear,
  onSave,
  onExport,
  onAsk,
}: {
  /** undefined: they are on their way. */
  shown: number | undefined
  hasMore: boolean
  ticked: ReadonlySet<string>
  filters: Filters
  /** Whether jobs are offered. */
  mayOrder: boolean
  onClear: () => void
  /** Saves what is shown. */
  onSave: () => void
  onExport: (target: Target, format: 'csv' | 'jsonl') => void
  onAsk: (action: 'revoke' | 'rotate', target: Target) => void
}) {
  const reveal = useSettings().data?.reveal ?? false
  const some: Target = { kind: 'ids', ids: [...ticked] }
  const all: Target = { kind: 'filters', filters }
  const isTicked = ticked.size > 0
  const target = isTicked ? some : all
  const isKnown = isTicked ? ticked.size <= idsMax : jobKnows(filters)

  return (
    <Group justify="space-between" px="md" py="xs" gap="xs" mih={50}>
      <Group gap="xs" role="status">
        {isTicked ? (
          <>
            <Text size="sm" fw={600}>
              {ticked.size} selected
            </Text>
            <Button size="compact-sm" variant="subtle" onClick={onClear}>
              Clear
            </Button>
          </>
        ) : (
          <Text size="sm" className="quiet numbers">
            {shown !== undefined && `${shown} ${shown === 1 ? 'key' : 'keys'}`}
            {hasMore && ' shown, and there are more'}
          </Text>
        )}
      </Group>
      <Group gap="xs">
        {isTicked && mayOrder && isKnown && (
          <>
            {reveal && (
              <Button size="xs" variant="default" onClick={() => onAsk('rotate', some)}>
                Rotate
              </Button>
            )}
            <Button size="xs" variant="light" color="red" onClick={() => onAsk('revoke', some)}>
              Revoke
            </Button>
          </>
        )}
        {!mayOrder && (
          <Button size="xs" variant="default" leftSection={<Icon name="download" size={14} />} onClick={onSave}>
            Save as CSV
          </Button>
        )}
        {mayOrder && (
          <Menu position="bottom-end" width={300}>
            <Menu.Target>
              <Button size="xs" variant="default" rightSection={<Icon name="chevron" size={14} />}>
                {isTicked ? 'Export' : 'All of these'}
              </Button>
            </Menu.Target>
            <Menu.Dropdown>
              <Menu.Item leftSection={<Icon name="download" size={16} />} onClick={onSave}>
                {isTicked ? 'Save the selected ones as CSV' : 'Save what is shown as CSV'}
              </Menu.Item>
              {isKnown && (
                <>
                  <Menu.Item leftSection={<Icon name="jobs" size={16} />} onClick={() => onExport(target, 'csv')}>
                    Export as CSV, as a job
                  </Menu.Item>
                  <Menu.Item leftSection={<Icon name="jobs" size={16} />} onClick={() => onExport(target, 'jsonl')}>
                    Export as JSON lines, as a job
                  </Menu.Item>
                </>
              )}
              {!isTicked && isKnown && (
                <>
                  <Menu.Divider />
                  {reveal && (
                    <Menu.Item onClick={() => onAsk('rotate', all)}>Rotate everything that matches…</Menu.Item>
                  )}
                  <Menu.Item color="red" onClick={() => onAsk('revoke', all)}>
                    Revoke everything that matches…
                  </Menu.Item>
                </>
              )}
              {!isKnown && (
                <Menu.Label>
                  {isTicked
                    ? `A job takes at most ${idsMax} selected keys.`
                    : 'Jobs can’t filter by expiry or member: select the keys instead.'}
                </Menu.Label>
              )}
            </Menu.Dropdown>
          </Menu>
        )}
      </Group>
    </Group>
  )
}
