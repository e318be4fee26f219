import { Anchor, Button, Skeleton, Stack, Text, TextInput } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { Link, useLocation } from 'wouter'
import { api, ok, reworded } from '../api/client.ts'
import { fieldProblem } from '../api/field-problem.ts'
import { enter, methodsQuery } from '../api/session.tsx'
import { Door } from '../components/door.tsx'
import { ErrorNote } from '../components/error-note.tsx'
import { isLongEnough, NewPassword } from '../components/new-password.tsx'
import { useLinkToken } from './setup/use-link-token.ts'

/** Where a one-time link leads: the first account of a new gateway, or the password of somebody who was invited. */
export default function SetupPage() {
  const token = useLinkToken()
  const methods = useQuery(methodsQuery)
  if (token === undefined) return <NoLink isNew={methods.data?.setup_required === true} />
  if (methods.isPending || methods.isError) {
    return (
      <Door title="Set up your account">
        {methods.isError ? (
          <ErrorNote error={methods.error} retry={() => void methods.refetch()} />
        ) : (
          <Skeleton h={320} aria-label="Loading" />
        )}
      </Door>
    )
  }
  return <SetUp key={token} token={token} isFirst={methods.data.setup_required} />
}

function SetUp({ token, isFirst }: { token: string; isFirst: boolean }) {
  const client = useQueryClient()
  const [, go] = useLocation()
  const [email, setEmail] = useState('')
  const [name, setName] = useState('')
  const [password, setPassword] = useState('')
  const [error, setError] = useState<unknown>(undefined)
  const [busy, setBusy] = useState(false)

  const setUp = async (): Promise<void> => {
    setBusy(true)
    setError(undefined)
    try {
      const body = { token, password, ...(isFirst && { email, name }) }
      enter(client, await ok(api.POST('/platform/setup', { body })))
      go(isFirst ? '/welcome' : '/', { replace: true })
    } catch (refusal) {
      setError(reworded(refusal, { 401: notValid }))
      setBusy(false)
    }
  }

  return (
    <Door title={isFirst ? 'Welcome to Sallyport' : 'Choose your password'}>
      <Text size="sm" className="quiet">
        {isFirst
          ? 'This makes the first account. It may do everything here, and invite others.'
          : 'With it you log in from here on. The link is used up by this.'}
      </Text>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          void setUp()
        }}
      >
        <Stack>
          {isFirst && (
            <>
              <TextInput
                label="Your name"
                value={name}
                onChange={(event) => setName(event.currentTarget.value)}
                error={fieldProblem(error, 'name')}
                autoComplete="name"
                maxLength={200}
                required
                autoFocus
              />
              <TextInput
                label="E-mail"
                description="You log in with it. Nothing is sent there."
                type="email"
                value={email}
                onChange={(event) => setEmail(event.currentTarget.value)}
                error={fieldProblem(error, 'email')}
                autoComplete="username"
                maxLength={254}
                required
              />
            </>
          )}
          <NewPassword
            label="Password"
            value={password}
            onChange={setPassword}
            error={fieldProblem(error, 'password')}
            autoFocus={!isFirst}
          />
          {error !== undefined && <ErrorNote error={error} />}
          <Button type="submit" loading={busy} disabled={!isLongEnough(password)}>
            {isFirst ? 'Create the account' : 'Set the password and log in'}
          </Button>
        </Stack>
      </form>
      {isFirst ? (
        <Text size="xs" className="quiet">
          Next: an organization, its first API key, and a request that goes through.
        </Text>
      ) : (
        <Anchor component={Link} href="/" size="sm">
          Have one already? To the log-in
        </Anchor>
      )}
    </Door>
  )
}

const NoLink = ({ isNew }: { isNew: boolean }) => (
  <Door title="Open your link again">
    <Text size="sm">
      This page works with a one-time link, and forgets it when it is loaded again, so that nobody finds it in this
      browser later. A link that was not used is still good: open it once more.
    </Text>
    <Text size="sm" className="quiet">
      {isNew
        ? 'The link for the first account stands where the gateway was started, in its terminal or log. A new start makes a new one.'
        : 'Lost it? Somebody with root makes another under Operators.'}
    </Text>
    <Anchor component={Link} href="/" size="sm">
      To the log-in
    </Anchor>
  </Door>
)

const notValid = {
  title: 'This link is no longer good',
  detail:
    'It was used, has ended, or a newer one has taken its place. Ask whoever sent it for another. The one for the first account is made anew when the gateway starts.',
}
