import { Button, Group, Modal, Radio, Stack, Text } from '@mantine/core'
import { useState } from 'react'
import { api, ok, type Schema } from '../../api/client.ts'
import { useOnce } from '../../api/once.ts'
import { useSettings } from '../../api/session.tsx'
import { ErrorNote } from '../../components/error-note.tsx'
import { SecretOnce } from '../../components/secret-once.tsx'
import { useSubmit } from '../../components/use-submit.ts'
import { curlLine, secretFile, secretNote } from '../keys/curl-line.ts'
import { graceChoices } from '../keys/grace.ts'
import type { ApiKey } from '../keys/use-owners.ts'
import { useKeyChanged } from './use-key.ts'

/** Asks how long the old secret shall last, makes the new one and shows it once. */
export function RotateKey({ apiKey: key, onClose }: { apiKey: ApiKey; onClose: () => void }) {
  const settings = useSettings().data
  const once = useOnce()
  const changed = useKeyChanged(key)
  const [grace, setGrace] = useState('86400')
  const [rotated, setRotated] = useState<Schema<'ApiKeyCreatedResponse'> | undefined>(undefined)

  const { submit, busy, error } = useSubmit(async () => {
    const body = { grace_period_seconds: Number(grace) }
    const made = await once(body, (header) =>
      ok(
        api.POST('/platform/organizations/{organization_id}/api-keys/{key_id}/rotate', {
          params: { path: { organization_id: key.organization_id, key_id: key.id }, header },
          body,
        }),
      ),
    )
    setRotated(made)
    void changed()
  })

  if (rotated !== undefined) {
    return (
      <SecretOnce
        title={`The new secret of “${key.name}”`}
        secret={rotated.raw_key}
        filename={secretFile(key.name)}
        about={secretNote(settings)}
        example={rotated.raw_key === null ? undefined : curlLine(rotated.raw_key, settings)}
        onStored={onClose}
      />
    )
  }
  return (
    <Modal opened onClose={onClose} title={`Rotate “${key.name}”`}>
      <form onSubmit={submit}>
        <Stack>
          <Text size="sm">The key gets a new secret. Its id, scopes and workspaces stay as they are.</Text>
          <Radio.Group
            label="How long does the old secret stay valid?"
            description={key.expires_at === null ? undefined : 'Never longer than the key itself.'}
            value={grace}
            onChange={setGrace}
          >
            <Stack gap="xs" mt="xs">
              {graceChoices.map(({ value, label }) => (
                <Radio
                  key={value}
                  value={value}
                  label={label}
                  description={
                    value === '0'
                      ? 'For a secret that has leaked: callers are refused until they have the new one.'
                      : undefined
                  }
                  {...(value === grace && { 'data-autofocus': true })}
                />
              ))}
            </Stack>
          </Radio.Group>
          {key.secrets.length > 1 && (
            <Text size="sm" c="var(--warn)">
              A rotation is under way already: see which secret is in use before you begin another.
            </Text>
          )}
          {error !== undefined && <ErrorNote error={error} />}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={busy}>
              Rotate
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}
