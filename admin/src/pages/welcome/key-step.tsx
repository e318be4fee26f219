import { Button, Group, Stack, Text } from '@mantine/core'
import { useState } from 'react'
import type { Schema } from '../../api/client.ts'
import { fieldProblem } from '../../api/field-problem.ts'
import { ErrorNote } from '../../components/error-note.tsx'
import { NameInput } from '../../components/name-input.tsx'
import { useSubmit } from '../../components/use-submit.ts'
import { ScopePicker } from '../keys/scope-picker.tsx'
import { readScopes } from '../keys/scopes.ts'
import { useCreateKey } from '../keys/use-create-key.ts'

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
  const create = useCreateKey(organizationId)
  const [name, setName] = useState('First key')
  const [scopes, setScopes] = useState<string[]>(() => {
    const read = readScopes(settings.scopes)
    return read.length > 0 ? read : ['*']
  })

  const { submit, busy, error } = useSubmit(async () => {
    onCreated(await create({ name, scopes, expires_in_days: 90 }))
  })

  return (
    <form onSubmit={submit}>
      <Stack gap="md">
        <Text size="sm">
          A caller shows its key with each request. It is good for 90 days; the page of keys has every other choice.
        </Text>
        <NameInput value={name} onChange={setName} error={fieldProblem(error, 'name')} autoFocus w={320} maw="100%" />
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
