import { ActionIcon, Button, Group, Popover, SegmentedControl, Stack, TextInput, Tooltip } from '@mantine/core'
import { useState } from 'react'
import { Icon } from '../../components/icon.tsx'
import { type RangeName, ranges, type ViewState } from './view.ts'

/** Which time is looked at: a range, a part of it by the mouse in a chart, or two times that are typed. */
export function RangeBar({ view, onSave }: { view: ViewState; onSave: (() => void) | undefined }) {
  return (
    <Group gap="xs">
      {view.part !== undefined && (
        <Button size="xs" variant="subtle" onClick={() => view.zoom(undefined)}>
          Back to {ranges[view.range].text}
        </Button>
      )}
      <SegmentedControl
        size="xs"
        aria-label="Range"
        data={Object.entries(ranges).map(([value, { label }]) => ({ value, label }))}
        value={view.part === undefined ? view.range : ''}
        onChange={(next) => view.look(next as RangeName)}
      />
      <FromTo key={view.part?.since} view={view} />
      <Tooltip label="Save as CSV">
        <ActionIcon
          variant="default"
          size={30}
          aria-label="Save the figures over time as CSV"
          disabled={onSave === undefined}
          onClick={onSave}
        >
          <Icon name="download" size={16} />
        </ActionIcon>
      </Tooltip>
    </Group>
  )
}

function FromTo({ view }: { view: ViewState }) {
  const [opened, setOpened] = useState(false)
  const [from, setFrom] = useState('')
  const [to, setTo] = useState('')
  const isOrdered = from !== '' && to !== '' && from < to

  const open = (): void => {
    const { since, until } = view.part ?? {}
    setFrom(localTime(since === undefined ? Date.now() - ranges[view.range].ms : Date.parse(since)))
    setTo(localTime(until === undefined ? Date.now() : Date.parse(until)))
    setOpened(true)
  }

  return (
    <Popover opened={opened} onChange={setOpened} trapFocus returnFocus position="bottom-end" withArrow shadow="md">
      <Popover.Target>
        <Button size="xs" variant="default" onClick={() => (opened ? setOpened(false) : open())} aria-expanded={opened}>
          From … to
        </Button>
      </Popover.Target>
      <Popover.Dropdown>
        <form
          onSubmit={(event) => {
            event.preventDefault()
            setOpened(false)
            view.zoom({ since: Date.parse(from) / 1000, until: Date.parse(to) / 1000 })
          }}
        >
          <Stack gap="xs">
            <TextInput
              size="xs"
              label="From"
              type="datetime-local"
              value={from}
              onChange={(event) => setFrom(event.currentTarget.value)}
              required
            />
            <TextInput
              size="xs"
              label="To"
              type="datetime-local"
              value={to}
              onChange={(event) => setTo(event.currentTarget.value)}
              error={from !== '' && to !== '' && !isOrdered && 'Must be after the first.'}
              required
            />
            <Button size="xs" type="submit" disabled={!isOrdered}>
              Show
            </Button>
          </Stack>
        </form>
      </Popover.Dropdown>
    </Popover>
  )
}

/** As inputs of a local time have it: 2026-01-31T09:05. */
function localTime(ms: number): string {
  const date = new Date(ms)
  const two = (value: number): string => String(value).padStart(2, '0')
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  return `${day}T${two(date.getHours())}:${two(date.getMinutes())}`
}
