import { Button, Group, Stack, Text, TextInput } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, ok, type Schema } from '../../api/client.ts'
import { fieldProblem } from '../../api/field-problem.ts'
import { useOnce } from '../../api/once.ts'
import { ErrorNote } from '../../components/error-note.tsx'
import { useSubmit } from '../../components/use-submit.ts'
import { ScopePicker } from '../keys/scope-picker.tsx'
import { readScopes } from '../keys/scopes.ts'

/** Makes the first key: what it is called and what it may do. Everything else can wait. */
export function KeyStep({
  organizationId,
  settings,
  onCreated,
}: {
  organizationId: string
  settings: Schema<'Settings'>
  onCreated: (created: Schema<'ApiKeyCreatedResponse'>) => void
}) {
  const client = useQueryClient()
  const once = useOnce()
  const [name, setName] = useState('First key')
  const [scopes, setScopes] = useState<string[]>(() => {
    const read = readScopes(settings.scopes)
    return read.length > 0 ? read : ['*']
  })

  const { submit, busy, error } = useSubmit(async () => {
    const body = { name, scopes, expires_in_days: 90 }
    const created = await once(body, (header) =>
      ok(
        api.POST('/platform/organizations/{organization_id}/api-keys', {
          params: { path: { organization_id: organizationId }, header },
          body,
        }),
      ),
    )
    void client.invalidateQueries({ queryKey: ['keys', organizationId] })
    onCreated(created)
  })

  return (
    <form onSubmit={submit}>
      <Stack gap="md">
        <Text size="sm">
          A caller shows its key with each request. It is good for 90 days; the page of keys has every other choice.
        </Text>
        <TextInput
          label="Name"
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          error={fieldProblem(error, 'name')}
          maxLength={200}
          autoComplete="off"
          autoFocus
          required
          w={320}
          maw="100%"
        />
        <ScopePicker value={scopes} onChange={setScopes} mayManageKeys={false} error={fieldProblem(error, 'scopes')} />
        {error !== undefined && <ErrorNote error={error} />}
        <Group>
          <Button type="submit" loading={busy} disabled={name.trim() === ''}>
            Create key
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
