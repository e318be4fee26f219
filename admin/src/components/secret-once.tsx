import { Alert, Button, Checkbox, Code, CopyButton, Group, Modal, Stack, Text } from '@mantine/core'
import { useState } from 'react'
import { useHold } from '../api/held.ts'
import { Icon } from './icon.tsx'
import { useReturnFocus } from './use-return-focus.ts'

/**
 * A secret that is shown once: copy it, save it, say so. It lives in this component alone, and goes with it; an end of the
 * session does not take it away.
 * @param filename of the file that it can be saved as.
 */
export function SecretOnce({
  secret,
  title,
  filename,
  example,
  again = false,
  about = again
    ? 'Whoever has this can use it. Store it where only those can read it who need it.'
    : 'Copy it now and store it somewhere safe. This is the only time that it is shown.',
  lost = 'This was shown before and can’t be shown again. Rotate it if nobody has stored it.',
  promise = 'I have stored it',
  onStored,
}: {
  /** null: shown before, and never again. */
  secret: string | null
  title: string
  filename: string
  /** A line that uses it. */
  example?: string
  /** It can be shown another time: nobody has to say that it is stored. */
  again?: boolean
  /** What to do with it. */
  about?: string
  /** What to do where it was shown before. */
  lost?: string
  promise?: string
  onStored: () => void
}) {
  const [said, setStored] = useState(false)
  useReturnFocus()
  const stored = said || again || secret === null
  useHold(secret !== null, stored)
  return (
    <Modal
      opened
      onClose={() => stored && onStored()}
      withCloseButton={false}
      closeOnClickOutside={false}
      closeOnEscape={stored}
      title={title}
      size="lg"
    >
      <Stack>
        {secret === null ? (
          <Alert color="yellow">{lost}</Alert>
        ) : (
          <>
            <Text size="sm">{about}</Text>
            <Code block data-testid="secret" style={wraps}>
              {secret}
            </Code>
            <Group gap="xs">
              <CopyButton value={secret}>
                {({ copied, copy }) => (
                  <Button onClick={copy} leftSection={<Icon name={copied ? 'check' : 'copy'} />} data-autofocus>
                    {copied ? 'Copied' : 'Copy'}
                  </Button>
                )}
              </CopyButton>
              <Button variant="default" onClick={() => save(secret, filename)} leftSection={<Icon name="download" />}>
                Download
              </Button>
            </Group>
            {example !== undefined && (
              <div>
                <Group justify="space-between" mb={4}>
                  <Text size="sm">Try it:</Text>
                  <CopyButton value={example}>
                    {({ copied, copy }) => (
                      <Button size="compact-xs" variant="subtle" onClick={copy}>
                        {copied ? 'Copied' : 'Copy the line'}
                      </Button>
                    )}
                  </CopyButton>
                </Group>
                <Code block style={wraps}>
                  {example}
                </Code>
              </div>
            )}
          </>
        )}
        <Group justify={again || secret === null ? 'flex-end' : 'space-between'}>
          {!again && secret !== null && (
            <Checkbox label={promise} checked={said} onChange={(event) => setStored(event.currentTarget.checked)} />
          )}
          <Button variant={stored ? 'filled' : 'default'} disabled={!stored} onClick={onStored}>
            Done
          </Button>
        </Group>
      </Stack>
    </Modal>
  )
}

/** All of it is to be seen, also where the window is narrow. */
const wraps = { whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' } as const

/** Offers text as a file. */
export function save(text: string, filename: string, type = 'text/plain'): void {
  const url = URL.createObjectURL(new Blob([text], { type }))
  const link = document.createElement('a')
  link.href = url
  link.download = filename
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), 1000)
}
