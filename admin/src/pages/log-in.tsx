import { Alert, Anchor, Button, Divider, PasswordInput, Skeleton, Stack, Text, TextInput } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useRef, useState } from 'react'
import { useLocation, useSearchParams } from 'wouter'
import { api, ok, reworded } from '../api/client.ts'
import { enter, type Me, methodsQuery } from '../api/session.tsx'
import { forgetWayBack, keepWayBack } from '../api/way-back.ts'
import { Door } from '../components/door.tsx'
import { ErrorNote } from '../components/error-note.tsx'
import { ssoProblem } from './log-in/sso-problem.ts'

/**
 * Stands in front of every page while nobody is logged in; the address stays, so that one goes on where one was.
 * @param ended who was logged in until a moment ago.
 */
export function LogInPage({ ended }: { ended?: Me | undefined }) {
  const client = useQueryClient()
  const [params] = useSearchParams()
  const [location, go] = useLocation()
  const methods = useQuery(methodsQuery)
  const [email, setEmail] = useState(ended?.email ?? '')
  const [password, setPassword] = useState('')
  const passwordInput = useRef<HTMLInputElement>(null)
  const [error, setError] = useState<unknown>(() => ssoProblem(params))
  const [busy, setBusy] = useState(false)

  const logIn = async (): Promise<void> => {
    setBusy(true)
    setError(undefined)
    try {
      const me = await ok(api.POST('/platform/sessions', { body: { email, password } }))
      if (location === '/login') {
        // What single sign-on had to say is settled by this.
        if (params.has('sso')) go('/login', { replace: true })
      } else forgetWayBack()
      enter(client, me)
    } catch (refusal) {
      setError(reworded(refusal, words))
      setPassword('')
      setBusy(false)
      passwordInput.current?.focus()
    }
  }

  return (
    <Door title="Log in to Sallyport">
      {ended !== undefined && error === undefined && (
        <Alert color="yellow" title="Your session has ended" role="status">
          Log in again, and you are back on the page where you were.
        </Alert>
      )}
      {error !== undefined && <ErrorNote error={error} />}
      {methods.data?.setup_required && (
        <Alert color="blue" title="Nobody has an account here yet" role="status">
          The gateway has written a set-up link where it was started, in its terminal or log. Open that link to make the
          first account.
        </Alert>
      )}
      {methods.isPending && <Skeleton h={212} />}
      {methods.data?.password && (
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
              autoFocus={email === ''}
            />
            <PasswordInput
              ref={passwordInput}
              label="Password"
              value={password}
              onChange={(event) => setPassword(event.currentTarget.value)}
              autoComplete="current-password"
              required
              autoFocus={email !== ''}
            />
            <Button type="submit" loading={busy}>
              Log in
            </Button>
          </Stack>
        </form>
      )}
      {methods.data?.oidc && (
        <>
          {methods.data.password && <Divider label="or" />}
          <Button variant="default" component="a" href="/platform/auth/oidc" onClick={keepWayBack}>
            Log in with single sign-on
          </Button>
        </>
      )}
      {methods.isError && <ErrorNote error={methods.error} retry={() => void methods.refetch()} />}
      <Text size="xs" className="quiet">
        Forgotten the password? Somebody with root makes you a link under Operators, or with{' '}
        <span className="mono">sallyport operators reset-password</span>. Never had one? An owner of your organization
        makes the link of your invitation again.
      </Text>
      <Anchor href="/docs" size="xs">
        API reference
      </Anchor>
    </Door>
  )
}

const words = {
  401: { title: 'That did not match', detail: 'The e-mail or the password is wrong. Which of them is not told.' },
  429: { title: 'Too many attempts', detail: 'There were too many wrong passwords. Wait a moment, then try again.' },
}
