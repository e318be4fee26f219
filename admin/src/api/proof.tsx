import { Button, Group, Modal, PasswordInput, Stack, Text } from '@mantine/core'
import { createContext, type ReactNode, useCallback, useContext, useRef, useState } from 'react'
import { ErrorNote } from '../components/error-note.tsx'
import { ApiError, api, ok } from './client.ts'
import { useMe } from './session.tsx'

type Run = <Result>(call: () => Promise<Result>) => Promise<Result>

const ProofContext = createContext<Run | undefined>(undefined)

/**
 * Some things are done only within ten minutes of a log-in. When the server asks for that, this asks for the password, logs
 * in again and repeats the call. Whoever cancels gets the refusal.
 */
export function ProofProvider({ children }: { children: ReactNode }) {
  const me = useMe()
  const [asked, setAsked] = useState<PromiseWithResolvers<void> | undefined>(undefined)
  const [password, setPassword] = useState('')
  const [error, setError] = useState<unknown>(undefined)
  const [busy, setBusy] = useState(false)
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
      await ok(api.POST('/platform/sessions', { body: { email: me.email ?? '', password } }))
      finish(true)
    } catch (refusal) {
      setError(refusal)
    } finally {
      setBusy(false)
    }
  }

  return (
    <ProofContext value={run}>
      {children}
      <Modal opened={asked !== undefined} onClose={() => finish(false)} title="Is it still you?">
        <form
          onSubmit={(event) => {
            event.preventDefault()
            void prove()
          }}
        >
          <Stack>
            <Text size="sm">This needs a log-in of the last ten minutes. Your work here stays as it is.</Text>
            <PasswordInput
              label="Password"
              description={me.email}
              value={password}
              onChange={(event) => setPassword(event.currentTarget.value)}
              autoComplete="current-password"
              data-autofocus
              required
            />
            {error !== undefined && <ErrorNote error={error} />}
            <Group justify="space-between">
              <Button variant="subtle" component="a" href="/platform/auth/oidc?prompt=login">
                Use single sign-on
              </Button>
              <Group gap="xs">
                <Button variant="default" onClick={() => finish(false)}>
                  Cancel
                </Button>
                <Button type="submit" loading={busy}>
                  Continue
                </Button>
              </Group>
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
