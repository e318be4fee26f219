import { Stack, Switch } from '@mantine/core'
import { useState } from 'react'
import { api, ok } from '../../api/client.ts'
import { fieldProblem } from '../../api/field-problem.ts'
import { useMay, useRole } from '../../api/session.tsx'
import { ErrorNote } from '../../components/error-note.tsx'
import { FormDrawer, FormFoot, isOutdated } from '../../components/form-drawer.tsx'
import { Meanwhile } from '../../components/meanwhile.tsx'
import { NameInput } from '../../components/name-input.tsx'
import { limitFrom, limitOf } from '../keys/limit-input.tsx'
import { metadataOf, metadataText } from '../keys/metadata-input.tsx'
import { type More, MoreInputs } from '../keys/more-inputs.tsx'
import { ScopePicker } from '../keys/scope-picker.tsx'
import type { ApiKey } from '../keys/use-owners.ts'
import { useKeyChanged } from './use-key.ts'

/** Changes a key. What somebody else has changed meanwhile is not overwritten: the server says so. */
export function EditKey({
  apiKey: key,
  etag,
  opened,
  onClose,
}: {
  apiKey: ApiKey
  /** Of the key as it is shown. */
  etag: string
  opened: boolean
  onClose: () => void
}) {
  return (
    <FormDrawer opened={opened} onClose={onClose} title="Edit the key" wide>
      <EditForm apiKey={key} etag={etag} onClose={onClose} />
    </FormDrawer>
  )
}

function EditForm({ apiKey, etag, onClose }: { apiKey: ApiKey; etag: string; onClose: () => void }) {
  // As it was when somebody began: what is fetched meanwhile must not change under their hands.
  const [{ key, tag }, setBase] = useState({ key: apiKey, tag: etag })
  const changed = useKeyChanged(key)
  const isRoot = useRole(key.organization_id) === 'root'
  const isAdmin = useMay(key.organization_id, 'admin')
  const [name, setName] = useState(key.name)
  const [scopes, setScopes] = useState<string[]>(key.scopes)
  const [more, setMore] = useState<More>(() => moreOf(key))
  const [system, setSystem] = useState(key.system)
  const [error, setError] = useState<unknown>(undefined)
  const [busy, setBusy] = useState(false)
  const metadata = metadataOf(more.metadata)

  const save = async (): Promise<void> => {
    if (metadata === undefined) return
    const limit = limitOf(more.limit)
    // Only what was changed: a scope that is not declared any more stays as long as nobody touches the scopes.
    const body = {
      ...(name !== key.name && { name }),
      ...(more.description !== key.description && { description: more.description }),
      ...(differs(scopes, key.scopes) && { scopes }),
      ...(differs(more.ips, key.allowed_ips) && { allowed_ips: [...more.ips] }),
      ...(differs(limit, key.rate_limit) && { rate_limit: limit }),
      ...(differs(metadata, key.metadata) && { metadata }),
      ...(system !== key.system && { system }),
    }
    if (Object.keys(body).length === 0) return onClose()
    setBusy(true)
    setError(undefined)
    try {
      await ok(
        api.PATCH('/platform/organizations/{organization_id}/api-keys/{key_id}', {
          params: { path: { organization_id: key.organization_id, key_id: key.id }, header: { 'If-Match': tag } },
          body,
        }),
      )
      await changed()
      onClose()
    } catch (refusal) {
      setError(refusal)
      // It shows what has changed, if that was the reason.
      await changed()
    } finally {
      setBusy(false)
    }
  }
  const startAgain = (): void => {
    setBase({ key: apiKey, tag: etag })
    setName(apiKey.name)
    setScopes(apiKey.scopes)
    setMore(moreOf(apiKey))
    setSystem(apiKey.system)
    setError(undefined)
  }

  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        void save()
      }}
    >
      <Stack gap="lg">
        <NameInput value={name} onChange={setName} error={fieldProblem(error, 'name')} data-autofocus />
        <ScopePicker
          value={scopes}
          onChange={setScopes}
          mayManageKeys={isAdmin}
          error={fieldProblem(error, 'scopes')}
        />
        <MoreInputs value={more} onChange={setMore} error={error} />
        {isRoot && (
          <Switch
            label="System key"
            description="Owners and admins of the organization can see it, and neither change nor revoke it."
            checked={system}
            onChange={(event) => setSystem(event.currentTarget.checked)}
          />
        )}
        {isOutdated(error) && etag !== tag ? (
          <Meanwhile before={key} now={apiKey} startAgain={startAgain} />
        ) : (
          error !== undefined && <ErrorNote error={error} />
        )}
        <FormFoot action="Save" ready={name.trim() !== '' && metadata !== undefined} busy={busy} onCancel={onClose} />
      </Stack>
    </form>
  )
}

const moreOf = (key: ApiKey): More => ({
  description: key.description,
  ips: key.allowed_ips,
  limit: limitFrom(key.rate_limit),
  metadata: metadataText(key.metadata),
})

const differs = (one: unknown, other: unknown): boolean => JSON.stringify(one) !== JSON.stringify(other)
