import {
  Anchor,
  Button,
  Center,
  Divider,
  Group,
  Paper,
  PasswordInput,
  Stack,
  Text,
  TextInput,
  Title,
} from '@mantine/core'
import { useDocumentTitle } from '@mantine/hooks'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, ok } from '../api/client.ts'
import { ErrorNote } from '../components/error-note.tsx'
import mark from '../shell/mark.svg'

/** Stands in front of every page while nobody is logged in; the address stays, so that one goes on where one was. */
export function LogInPage() {
  useDocumentTitle('Log in · Sallyport')
  const client = useQueryClient()
  const methods = useQuery({
    queryKey: ['auth-methods'],
    queryFn: ({ signal }) => ok(api.GET('/platform/auth/methods', { signal })),
  })
  const [email, setEmail] = useState('')
  const [password, setPassword] = useState('')
  const [error, setError] = useState<unknown>(undefined)
  const [busy, setBusy] = useState(false)

  const logIn = async (): Promise<void> => {
    setBusy(true)
    setError(undefined)
    try {
      const me = await ok(api.POST('/platform/sessions', { body: { email, password } }))
      client.clear()
      client.setQueryData(['me'], me)
    } catch (refusal) {
      setError(refusal)
      setPassword('')
    } finally {
      setBusy(false)
    }
  }

  return (
    <Center mih="100vh" p="md">
      <Paper withBorder bg="var(--surface)" p="xl" w={400} maw="100%" component="main">
        <Stack>
          <Group gap="sm">
            <img src={mark} width={32} height={32} alt="" />
            <Title order={1} size="h3">
              Log in to Sallyport
            </Title>
          </Group>
          {methods.data?.setup_required && (
            <Text size="sm">
              Nobody has an account here yet. The gateway has printed a set-up link in its terminal; open that one to
              make the first.
            </Text>
          )}
          {methods.data?.password !== false && (
            <form
              onSubmit={(event) => {
                event.preventDefault()
                void logIn()
              }}
            >
              <Stack>
                <TextInput
                  label="E-mail"
                  type="email"
                  value={email}
                  onChange={(event) => setEmail(event.currentTarget.value)}
                  autoComplete="username"
                  required
                  autoFocus
                />
                <PasswordInput
                  label="Password"
                  value={password}
                  onChange={(event) => setPassword(event.currentTarget.value)}
                  autoComplete="current-password"
                  required
                />
                {error !== undefined && <ErrorNote error={error} />}
                <Button type="submit" loading={busy}>
                  Log in
                </Button>
              </Stack>
            </form>
          )}
          {methods.data?.oidc && (
            <>
              {methods.data.password && <Divider label="or" />}
              <Button variant="default" component="a" href="/platform/auth/oidc">
                Log in with single sign-on
              </Button>
            </>
          )}
          {methods.isError && <ErrorNote error={methods.error} retry={() => void methods.refetch()} />}
          <Text size="xs" className="quiet">
            No password any more? An operator with root makes you a new link.{' '}
            <Anchor href="/docs" size="xs">
              API reference
            </Anchor>
          </Text>
        </Stack>
      </Paper>
    </Center>
  )
}
