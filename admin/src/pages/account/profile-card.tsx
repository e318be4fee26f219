import { Badge, Button, Group, Stack, Text } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { Link } from 'wouter'
import { api, ok } from '../../api/client.ts'
import { fieldProblem } from '../../api/field-problem.ts'
import { useMe } from '../../api/session.tsx'
import { Card } from '../../components/card.tsx'
import { ErrorNote } from '../../components/error-note.tsx'
import { NameInput } from '../../components/name-input.tsx'
import { useSubmit } from '../../components/use-submit.ts'

/** What one is called, and what one may do where. */
export function ProfileCard() {
  const me = useMe()
  const client = useQueryClient()
  const [name, setName] = useState(me.name ?? '')

  const { submit, busy, error } = useSubmit(async () => {
    client.setQueryData(['me'], await ok(api.PATCH('/platform/me', { body: { name } })))
    void client.invalidateQueries({ queryKey: ['operators'] })
    notifications.show({ message: 'Your name is changed.' })
  })

  return (
    <Card title="Profile">
      <Stack>
        <form onSubmit={submit}>
          <Group align="flex-end" gap="xs">
            <NameInput
              value={name}
              onChange={setName}
              error={fieldProblem(error, 'name')}
              autoComplete="name"
              w={320}
              maw="100%"
            />
            <Button type="submit" variant="default" loading={busy} disabled={name.trim() === '' || name === me.name}>
              Save
            </Button>
          </Group>
        </form>
        {error !== undefined && <ErrorNote error={error} />}
        <div>
          <Text size="sm" fw={500} mb={4}>
            What you may do
          </Text>
          {me.is_root && <Text size="sm">Everything: you have root, which is above every organization.</Text>}
          <Group gap="xs">
            {me.roles.map(({ organization_id, organization_name, role }) => (
              <Button
                key={organization_id}
                component={Link}
                href={`/o/${organization_id}`}
                variant="default"
                size="compact-sm"
                rightSection={<Badge size="sm">{role}</Badge>}
              >
                {organization_name}
              </Button>
            ))}
            {me.roles.length < me.roles_total && (
              <Button component={Link} href="/organizations" variant="subtle" size="compact-sm">
                {me.roles_total - me.roles.length} more
              </Button>
            )}
          </Group>
        </div>
      </Stack>
    </Card>
  )
}
