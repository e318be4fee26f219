import { Button, Group, Modal, PasswordInput, Stack, Text } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { createContext, type ReactNode, useCallback, useContext, useRef, useState } from 'react'
import { ErrorNote } from '../components/error-note.tsx'
import { ApiError, api, ok, reworded } from './client.ts'
import { methodsQuery, useMe } from './session.tsx'
import { keepWayBack } from './way-back.ts'

type Run = <Result>(call: () => Promise<Result>) => Promise<Result>

const ProofContext = createContext<Run | undefined>(undefined)

/**
 * Some things are done only within ten minutes of a log-in. When the server asks for that, this asks for the password, logs
 * in again and repeats the call. Whoever cancels gets the refusal.
 */
export function ProofProvider({ children }: { children: ReactNode }) {
  const me = useMe()
  const client = useQueryClient()
  const [asked, setAsked] = useState<PromiseWithResolvers<void> | undefined>(undefined)
  const [password, setPassword] = useState('')
  const [error, setError] = useState<unknown>(undefined)
  const [busy, setBusy] = useState(false)
  const methods = useQuery({ ...methodsQuery, enabled: asked !== undefined }).data
  const underWay = useRef<PromiseWithResolvers<void> | undefined>(undefined)

  const run: Run = useCallback(async (call) => {
    try {
      return await call()
    } catch (refusal) {
      if (!(refusal instanceof ApiError && refusal.problem.proof_required)) throw refusal
      underWay.current ??= Promise.withResolvers<void>()
      setAsked(underWay.current)
      try {
        await underWay.current.promise
      } catch {
        throw refusal
      }
      return await call()
    }
  }, [])

  const finish = (proven: boolean): void => {
    underWay.current = undefined
    if (proven) asked?.resolve()
    else asked?.reject(new Error('not proven'))
    setAsked(undefined)
    setPassword('')
    setError(undefined)
  }

  const prove = async (): Promise<void> => {
    setBusy(true)
    setError(undefined)
    try {
      client.setQueryData(
        ['me'],
        await ok(api.POST('/platform/sessions', { body: { email: me.email ?? '', password } })),
      )
      void client.invalidateQueries({ queryKey: ['sessions'] })
      finish(true)
    } catch (refusal) {
      setError(reworded(refusal, { 401: { title: 'That did not match', detail: 'This is not your password.' } }))
    } finally {
      setBusy(false)
    }
  }

  return (
    <ProofContext value={run}>
      {children}
      {/* Above the dialog that asked for it. */}
      <Modal opened={asked !== undefined} onClose={() => finish(false)} title="Is it still you?" zIndex={300}>
        <form
          onSubmit={(event) => {
            event.preventDefault()
            void prove()
          }}
        >
          <Stack>
            <Text size="sm">
              {me.has_password
                ? 'This needs a log-in of the last ten minutes. Your work here stays as it is.'
                : 'This needs a log-in of the last ten minutes. Single sign-on leaves this page and comes back to it: what you have typed has to be typed again.'}
            </Text>
            {me.has_password && (
              <PasswordInput
                label="Password"
                description={me.email}
                value={password}
                onChange={(event) => setPassword(event.currentTarget.value)}
                autoComplete="current-password"
                data-autofocus
                required
              />
            )}
            {error !== undefined && <ErrorNote error={error} />}
            <Group justify="flex-end" gap="xs">
              <Button variant="default" onClick={() => finish(false)}>
                Cancel
              </Button>
              {methods?.oidc && (
                <Button
                  variant={me.has_password ? 'default' : 'filled'}
                  component="a"
                  href="/platform/auth/oidc?prompt=login"
                  onClick={keepWayBack}
                >
                  Use single sign-on
                </Button>
              )}
              {me.has_password && (
                <Button type="submit" loading={busy}>
                  Continue
                </Button>
              )}
            </Group>
          </Stack>
        </form>
      </Modal>
    </ProofContext>
  )
}

/** Runs a call, and once more after a proof where the server asks for one. */
export function useProof(): Run {
  const run = useContext(ProofContext)
  if (run === undefined) throw new Error('useProof is for pages behind the log-in')
  return run
}
