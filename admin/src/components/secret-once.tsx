import { Alert, Button, Checkbox, Code, CopyButton, Group, Modal, Stack, Text } from '@mantine/core'
import { useState } from 'react'

/**
 * A secret that is shown once: copy it, save it, say so. It lives in this component alone, and goes with it.
 * @param filename of the file that it can be saved as.
 */
export function SecretOnce({
  secret,
  title,
  filename,
  example,
  onStored,
}: {
  /** null: shown before, and never again. */
  secret: string | null
  title: string
  filename: string
  /** A line that uses it. */
  example?: string
  onStored: () => void
}) {
  const [stored, setStored] = useState(false)
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
          <Alert color="yellow">
            This was shown before and can’t be shown again. Rotate it if nobody has stored it.
          </Alert>
        ) : (
          <>
            <Text size="sm">This is the only time that it is shown: we keep a hash of it, not the secret.</Text>
            <Code block data-testid="secret" aria-label="The secret">
              {secret}
            </Code>
            <Group gap="xs">
              <CopyButton value={secret}>
                {({ copied, copy }) => <Button onClick={copy}>{copied ? 'Copied' : 'Copy'}</Button>}
              </CopyButton>
              <Button variant="default" onClick={() => save(secret, filename)}>
                Download
              </Button>
            </Group>
            {example !== undefined && (
              <div>
                <Text size="sm" mb={4}>
                  Try it:
                </Text>
                <Code block>{example}</Code>
              </div>
            )}
          </>
        )}
        <Group justify="space-between">
          <Checkbox
            label="I have stored it"
            checked={stored || secret === null}
            onChange={(event) => setStored(event.currentTarget.checked)}
          />
          <Button disabled={!stored && secret !== null} onClick={onStored}>
            Done
          </Button>
        </Group>
      </Stack>
    </Modal>
  )
}

/** Offers text as a file. */
export function save(text: string, filename: string, type = 'text/plain'): void {
  const url = URL.createObjectURL(new Blob([text], { type }))
  const link = document.createElement('a')
  link.href = url
  link.download = filename
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), 1000)
}
