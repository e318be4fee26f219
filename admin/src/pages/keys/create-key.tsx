import { Group, Select, Stack } from '@mantine/core'
import { useState } from 'react'
import type { Schema } from '../../api/client.ts'
import { fieldProblem } from '../../api/field-problem.ts'
import { useMay, useSettings } from '../../api/session.tsx'
import { ErrorNote } from '../../components/error-note.tsx'
import { FormDrawer, FormFoot } from '../../components/form-drawer.tsx'
import { NameInput } from '../../components/name-input.tsx'
import { SecretOnce } from '../../components/secret-once.tsx'
import { useSubmit } from '../../components/use-submit.ts'
import { curlLine, secretFile, secretNote } from './curl-line.ts'
import { daysOf, type Expiry, ExpiryInput } from './expiry-input.tsx'
import { limitFrom, limitOf } from './limit-input.tsx'
import { metadataOf } from './metadata-input.tsx'
import { type More, MoreInputs } from './more-inputs.tsx'
import { ScopePicker } from './scope-picker.tsx'
import { presetOf, readScopes } from './scopes.ts'
import { useCreateKey } from './use-create-key.ts'
import { useOwnableAccounts } from './use-owners.ts'
import { type Reach, WorkspacesInput } from './workspaces-input.tsx'

/** Makes a key, and shows its secret once. */
export function CreateKey({
  organizationId,
  opened,
  onClose,
}: {
  organizationId: string
  opened: boolean
  onClose: () => void
}) {
  const settings = useSettings().data
  // The secret is here and nowhere else: no cache, no address, no storage.
  const [created, setCreated] = useState<Schema<'ApiKeyCreatedResponse'> | undefined>(undefined)
  return (
    <>
      <FormDrawer
        opened={opened && settings !== undefined && created === undefined}
        onClose={onClose}
        title="Create an API key"
        wide
      >
        {settings !== undefined && (
          <CreateForm organizationId={organizationId} settings={settings} onCreated={setCreated} onCancel={onClose} />
        )}
      </FormDrawer>
      {created !== undefined && (
        <SecretOnce
          title={`The key “${created.key.name}”`}
          secret={created.raw_key}
          filename={secretFile(created.key.name)}
          about={secretNote(settings)}
          example={created.raw_key === null ? undefined : curlLine(created.raw_key, settings)}
          onStored={() => {
            setCreated(undefined)
            onClose()
          }}
        />
      )}
    </>
  )
}

function CreateForm({
  organizationId,
  settings,
  onCreated,
  onCancel,
}: {
  organizationId: string
  settings: Schema<'Settings'>
  onCreated: (created: Schema<'ApiKeyCreatedResponse'>) => void
  onCancel: () => void
}) {
  const create = useCreateKey(organizationId)
  const isAdmin = useMay(organizationId, 'admin')
  const accounts = useOwnableAccounts(organizationId)
  const [name, setName] = useState('')
  const [environment, setEnvironment] = useState(settings.environments[0] ?? null)
  const [scopes, setScopes] = useState<string[]>(() => firstScopes(settings))
  const [expiry, setExpiry] = useState<Expiry>({ choice: '90', days: 180 })
  const [account, setAccount] = useState<string | null>(null)
  const [reach, setReach] = useState<Reach>({ kind: 'none', some: [], one: null })
  const [more, setMore] = useState<More>({ description: '', ips: [], limit: limitFrom(null), metadata: '' })
  const metadata = metadataOf(more.metadata)

  const { submit, busy, error } = useSubmit(async () => {
    if (metadata === undefined) return
    const limit = limitOf(more.limit)
    const created = await create({
      name,
      scopes,
      expires_in_days: daysOf(expiry),
      ...(environment !== null && { environment }),
      ...(account !== null && { service_account_id: account }),
      ...(reach.kind === 'some' && { workspace_ids: [...reach.some] }),
      ...(reach.kind === 'one' && reach.one !== null && { project_id: reach.one }),
      ...(more.description !== '' && { description: more.description }),
      ...(more.ips.length > 0 && { allowed_ips: [...more.ips] }),
      ...(limit !== null && { rate_limit: limit }),
      ...(Object.keys(metadata).length > 0 && { metadata }),
    })
    onCreated(created)
  })

  return (
    <form onSubmit={submit}>
      <Stack gap="lg">
        <Group align="flex-start" gap="xs" grow preventGrowOverflow={false} wrap="wrap">
          <NameInput
            placeholder="What or who uses it, such as: CI pipeline"
            value={name}
            onChange={setName}
            error={fieldProblem(error, 'name')}
            data-autofocus
            miw={240}
          />
          {settings.environments.length > 1 && (
            <Select
              label="Environment"
              data={settings.environments}
              value={environment}
              onChange={setEnvironment}
              allowDeselect={false}
              error={fieldProblem(error, 'environment')}
              maw={{ sm: 140 }}
            />
          )}
        </Group>
        <ScopePicker
          value={scopes}
          onChange={setScopes}
          mayManageKeys={isAdmin}
          error={fieldProblem(error, 'scopes')}
        />
        <ExpiryInput value={expiry} onChange={setExpiry} error={fieldProblem(error, 'expires_in_days')} />
        {(accounts.length > 0 || !isAdmin) && (
          <Select
            label="Service account"
            description={
              isAdmin
                ? 'A key of a service account stays when its maker leaves. Without one it is yours.'
                : 'Engineers make keys for service accounts.'
            }
            placeholder={isAdmin ? 'None: it is mine' : 'Pick a service account'}
            data={accounts.map(({ id, name }) => ({ value: id, label: name }))}
            value={account}
            onChange={setAccount}
            searchable
            clearable={isAdmin}
            required={!isAdmin}
            error={fieldProblem(error, 'service_account_id')}
          />
        )}
        <WorkspacesInput
          organizationId={organizationId}
          value={reach}
          onChange={setReach}
          error={fieldProblem(error, 'workspace_ids') ?? fieldProblem(error, 'project_id')}
        />
        <MoreInputs value={more} onChange={setMore} error={error} />
        {error !== undefined && <ErrorNote error={error} />}
        <FormFoot
          action="Create key"
          ready={name.trim() !== '' && metadata !== undefined}
          busy={busy}
          onCancel={onCancel}
        />
      </Stack>
    </form>
  )
}

/** What one may do by looking alone, where there is such a thing: the rest is a choice that somebody makes. */
function firstScopes({ scopes, default_scopes }: Schema<'Settings'>): string[] {
  const read = readScopes(scopes)
  if (read.length > 0) return read
  return presetOf(default_scopes, scopes) === 'custom' ? [...default_scopes] : ['*']
}
