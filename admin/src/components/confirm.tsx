import { Button, Group, Modal, Stack, Text, TextInput } from '@mantine/core'
import { type ReactNode, useEffect, useState } from 'react'
import { ErrorNote } from './error-note.tsx'
import { useReturnFocus } from './use-return-focus.ts'
import { useSubmit } from './use-submit.ts'

/**
 * Asks before what can't be undone. With `typed` that word has to be typed. Stays open, with what the server said, when it
 * was refused.
 */
export function Confirm({
  opened,
  onClose,
  title,
  children,
  action,
  typed,
  isHarmless = false,
  run,
}: {
  opened: boolean
  onClose: () => void
  title: string
  children: ReactNode
  /** The verb on the button. */
  action: string
  typed?: string
  /** It takes nothing away. */
  isHarmless?: boolean
  run: () => Promise<unknown>
}) {
  const [text, setText] = useState('')
  const { submit, busy, error, reset } = useSubmit(async () => {
    await run()
    onClose()
  })
  useReturnFocus(opened)
  useEffect(() => {
    if (!opened) return
    setText('')
    reset()
  }, [opened, reset])

  return (
    <Modal opened={opened} onClose={onClose} title={title}>
      <form onSubmit={submit}>
        <Stack>
          <Text size="sm" component="div">
            {children}
          </Text>
          {typed !== undefined && (
            <TextInput
              label={
                <>
                  Type <span className="mono">{typed}</span> to confirm
                </>
              }
              value={text}
              onChange={(event) => setText(event.currentTarget.value)}
              autoComplete="off"
              data-autofocus
            />
          )}
          {error !== undefined && <ErrorNote error={error} />}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button
              type="submit"
              {...(!isHarmless && { color: 'red' })}
              loading={busy}
              disabled={typed !== undefined && text !== typed}
            >
              {action}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}
