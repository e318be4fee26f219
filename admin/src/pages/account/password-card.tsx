import { Button, Group, PasswordInput, Stack, Text } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, ok } from '../../api/client.ts'
import { fieldProblem } from '../../api/field-problem.ts'
import { useMe } from '../../api/session.tsx'
import { Card } from '../../components/card.tsx'
import { ErrorNote } from '../../components/error-note.tsx'
import { isLongEnough, NewPassword } from '../../components/new-password.tsx'
import { useSubmit } from '../../components/use-submit.ts'

/** Changes one's own password, which ends every other session. */
export function PasswordCard() {
  const { has_password: hasPassword } = useMe()
  const client = useQueryClient()
  const [current, setCurrent] = useState('')
  const [password, setPassword] = useState('')

  const { submit, busy, error } = useSubmit(async () => {
    const body = { password, current_password: current }
    client.setQueryData(['me'], await ok(api.PATCH('/platform/me', { body })))
    void client.invalidateQueries({ queryKey: ['sessions'] })
    setCurrent('')
    setPassword('')
    notifications.show({ message: 'Your password is changed. You are logged out everywhere else.' })
  })

  if (!hasPassword) {
    return (
      <Card title="Password">
        <Text size="sm" className="quiet">
          You log in with single sign-on, so there is none here. Your password is changed where your identity provider
          is.
        </Text>
      </Card>
    )
  }
  return (
    <Card title="Password" about="A change logs you out everywhere else. Personal tokens go on working.">
      <form onSubmit={submit}>
        <Stack maw={420}>
          <PasswordInput
            label="Current password"
            value={current}
            onChange={(event) => setCurrent(event.currentTarget.value)}
            error={fieldProblem(error, 'current_password')}
            autoComplete="current-password"
            required
          />
          <NewPassword
            label="New password"
            value={password}
            onChange={setPassword}
            error={fieldProblem(error, 'password')}
          />
          {error !== undefined && <ErrorNote error={error} />}
          <Group>
            <Button type="submit" variant="default" loading={busy} disabled={current === '' || !isLongEnough(password)}>
              Change the password
            </Button>
          </Group>
        </Stack>
      </form>
    </Card>
  )
}
