import { Group, Kbd, Modal, SimpleGrid, Stack, Text, Title } from '@mantine/core'
import type { ReactNode } from 'react'
import { useReturnFocus } from '../components/use-return-focus.ts'
import type { Place } from './places.ts'
import { modKey } from './use-shortcuts.ts'

/** What can be done by the keyboard. */
export default function ShortcutHelp({ places, onClose }: { places: readonly Place[]; onClose: () => void }) {
  useReturnFocus()
  return (
    <Modal opened onClose={onClose} title="Keyboard" size="lg">
      <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="xl">
        <Part title="Go to">
          {places
            .filter(({ hotkey }) => hotkey !== undefined)
            .map(({ label, to, hotkey }) => (
              <Line
                key={to}
                label={to === '/overview' ? 'Overview of the instance' : label}
                keys={['g', hotkey ?? '']}
              />
            ))}
        </Part>
        <Part title="Everywhere">
          <Line label="Find a page, an organization or a key" keys={[modKey, 'K']} />
          <Line label="To the search of the page" keys={['/']} />
          <Line label="Open the row that has the focus" keys={['Enter']} />
          <Line label="Close a dialog" keys={['Esc']} />
          <Line label="This help" keys={['?']} />
        </Part>
      </SimpleGrid>
    </Modal>
  )
}

const Part = ({ title, children }: { title: string; children: ReactNode }) => (
  <Stack gap={6}>
    <Title order={3} size="h6">
      {title}
    </Title>
    {children}
  </Stack>
)

const Line = ({ label, keys }: { label: string; keys: readonly string[] }) => (
  <Group justify="space-between" wrap="nowrap" gap="md">
    <Text size="sm">{label}</Text>
    <Group gap={4} wrap="nowrap">
      {keys.map((key) => (
        <Kbd key={key}>{key}</Kbd>
      ))}
    </Group>
  </Group>
)
