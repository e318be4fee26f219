import { Button, Group, Modal, PasswordInput, Stack, Text } from '@mantine/core'
import { useState } from 'react'
import { api, ok } from '../../api/client.ts'
import { fieldProblem } from '../../api/field-problem.ts'
import { useProof } from '../../api/proof.tsx'
import { useMe, useSettings } from '../../api/session.tsx'
import { ErrorNote } from '../../components/error-note.tsx'
import { SecretOnce } from '../../components/secret-once.tsx'
import { curlLine, secretFile } from '../keys/curl-line.ts'
import type { ApiKey } from '../keys/use-owners.ts'

/** Shows the secret again, to somebody who has proved once more who they are. */
export function RevealKey({ apiKey: key, onClose }: { apiKey: ApiKey; onClose: () => void }) {
  const me = useMe()
  const settings = useSettings().data
  const proven = useProof()
  const [password, setPassword] = useState('')
  const [secret, setSecret] = useState<string | undefined>(undefined)
  const [error, setError] = useState<unknown>(undefined)
  const [busy, setBusy] = useState(false)

  const reveal = async (): Promise<void> => {
    setBusy(true)
    setError(undefined)
    try {
      const { raw_key } = await proven(() =>
        ok(
          api.POST('/platform/organizations/{organization_id}/api-keys/{key_id}/reveal', {
            params: { path: { organization_id: key.organization_id, key_id: key.id } },
            body: me.has_password ? { password } : {},
          }),
        ),
      )
      setSecret(raw_key)
    } catch (refusal) {
      setError(refusal)
    } finally {
      setPassword('')
      setBusy(false)
    }
  }

  if (secret !== undefined) {
    return (
      <SecretOnce
        again
        title={`The secret of “${key.name}”`}
        secret={secret}
        filename={secretFile(key.name)}
        example={curlLine(secret, settings)}
        onStored={onClose}
      />
    )
  }
  return (
    <Modal opened onClose={onClose} title={`Reveal “${key.name}”`}>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          void reveal()
        }}
      >
        <Stack>
          <Text size="sm">
            {key.secrets.length > 1 ? 'The newest secret is shown.' : 'The secret is shown.'} That you have seen it
            stands in the events of the organization.
          </Text>
          {me.has_password && (
            <PasswordInput
              label="Your password"
              description={me.email}
              value={password}
              onChange={(event) => setPassword(event.currentTarget.value)}
              autoComplete="current-password"
              error={fieldProblem(error, 'password')}
              data-autofocus
              required
            />
          )}
          {error !== undefined && <ErrorNote error={error} />}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={busy}>
              Reveal
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}
