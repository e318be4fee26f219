import { Alert, Button, Tooltip } from '@mantine/core'
import { type UseMutationResult, useMutation, useQueryClient } from '@tanstack/react-query'
import { ApiError, api, ok, type Schema } from '../../api/client.ts'
import { ErrorNote } from '../../components/error-note.tsx'
import { Icon } from '../../components/icon.tsx'
import { Time } from '../../components/time.tsx'
import { ProblemList } from './problem-list.tsx'
import type { Policy } from './use-policy.ts'

type Reload = UseMutationResult<Schema<'ConfigReloaded'>, Error, void>

/** Reads the file again. */
export function useReload(): Reload {
  const client = useQueryClient()
  return useMutation({
    mutationFn: () => ok(api.POST('/platform/config/reload')),
    // One that was rejected is told in the policy too.
    onSettled: () =>
      Promise.all(['policy', 'settings', 'health'].map((name) => client.invalidateQueries({ queryKey: [name] }))),
  })
}

export function ReloadButton({ policy, reload }: { policy: Policy; reload: Reload }) {
  const button = (
    <Button
      leftSection={<Icon name="refresh" size={16} />}
      loading={reload.isPending}
      disabled={policy.file === null}
      onClick={() => reload.mutate()}
    >
      Reload
    </Button>
  )
  return (
    <Tooltip
      label={
        policy.file === null
          ? 'The gateway was started without a file'
          : `Reads ${policy.file} again. A file with problems changes nothing.`
      }
    >
      <span>{button}</span>
    </Tooltip>
  )
}

/** What came of reloading: now, or the last time. */
export function ReloadNote({ policy, reload }: { policy: Policy; reload: Reload }) {
  const { last_reload: last } = policy
  const isRejected = reload.error instanceof ApiError && reload.error.status === 422
  if (reload.isError && !isRejected) return <ErrorNote error={reload.error} retry={() => reload.mutate()} />
  if (last?.result === 'rejected') {
    return (
      <Alert
        role="alert"
        color="red"
        icon={<Icon name="warning" />}
        title={
          <>
            The file was rejected <Time at={last.at} />
          </>
        }
      >
        <p style={{ marginTop: 0 }}>
          What was in force before still is. The lines are those of {policy.file ?? 'the file'} as it was read then:
        </p>
        <ProblemList problems={last.problems} />
      </Alert>
    )
  }
  if (reload.data === undefined) return null
  return (
    <Alert
      role="status"
      color="teal"
      icon={<Icon name="check" />}
      title={reload.data.changed ? 'The file is in force' : 'Nothing was different'}
      withCloseButton
      closeButtonLabel="Close"
      onClose={() => reload.reset()}
    >
      Version <span className="mono">{reload.data.version}</span>
    </Alert>
  )
}
