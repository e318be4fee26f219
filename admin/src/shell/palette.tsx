import { Box, Group, Modal, ScrollArea, Text, TextInput } from '@mantine/core'
import { type KeyboardEvent, useId, useState } from 'react'
import { useLocation } from 'wouter'
import { Icon } from '../components/icon.tsx'
import { useReturnFocus } from '../components/use-return-focus.ts'
import { withoutSecret } from '../components/without-secret.ts'
import { type Find, useFinds } from './use-finds.ts'

/** Finds pages, organizations and keys by a part of their name, and goes there. */
export default function Palette({
  organizationId,
  isRoot,
  onClose,
}: {
  organizationId: string | undefined
  isRoot: boolean
  onClose: () => void
}) {
  useReturnFocus()
  const [, go] = useLocation()
  const listId = useId()
  const [text, setText] = useState('')
  const [at, setAt] = useState(0)
  const found = useFinds(text, organizationId, isRoot)
  const current = found[Math.min(at, found.length - 1)]
  const choose = (find: Find | undefined): void => {
    if (find === undefined) return
    onClose()
    go(find.to)
  }
  const onKey = (event: KeyboardEvent): void => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    if (step !== undefined) {
      event.preventDefault()
      setAt((Math.min(at, found.length - 1) + step + found.length) % Math.max(1, found.length))
    }
    if (event.key === 'Enter') choose(current)
  }
  return (
    <Modal.Root opened onClose={onClose} size="lg" yOffset="12vh" centered={false}>
      <Modal.Overlay />
      <Modal.Content aria-label={what}>
        <Modal.Body p={0}>
          <TextInput
            variant="unstyled"
            size="md"
            px="md"
            aria-label={what}
            placeholder={what}
            role="combobox"
            aria-expanded
            aria-controls={listId}
            aria-activedescendant={current === undefined ? undefined : `${listId}-${current.to}`}
            leftSection={<Icon name="search" size={18} />}
            value={text}
            onChange={(event) => {
              setText(withoutSecret(event.currentTarget.value))
              setAt(0)
            }}
            onKeyDown={onKey}
            maxLength={200}
            autoComplete="off"
            data-autofocus
          />
          <ScrollArea.Autosize
            mah="50vh"
            type="auto"
            viewportProps={{ tabIndex: 0 }}
            style={{ borderTop: '1px solid var(--line)' }}
          >
            <Box id={listId} role="listbox" aria-label="Found" p={6}>
              {found.map((find) => (
                <Group
                  key={find.to}
                  id={`${listId}-${find.to}`}
                  ref={find === current ? (element) => element?.scrollIntoView({ block: 'nearest' }) : undefined}
                  role="option"
                  aria-selected={find === current}
                  className="found"
                  onMouseMove={() => setAt(found.indexOf(find))}
                  onClick={() => choose(find)}
                  gap="sm"
                  wrap="nowrap"
                >
                  <Icon name={find.icon} />
                  <Text size="sm" truncate flex={1}>
                    {find.label}
                  </Text>
                  <Text size="xs" className="quiet" truncate maw="45%">
                    {find.about}
                  </Text>
                </Group>
              ))}
            </Box>
            {found.length === 0 && (
              <Text size="sm" className="quiet" ta="center" pb="md" role="status">
                Nothing by that name.
              </Text>
            )}
          </ScrollArea.Autosize>
        </Modal.Body>
      </Modal.Content>
    </Modal.Root>
  )
}

const what = 'Find a page, an organization or a key'
