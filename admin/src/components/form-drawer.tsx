import { Button, Drawer, Group, Skeleton, Stack } from '@mantine/core'
import type { UseQueryResult } from '@tanstack/react-query'
import { type ReactNode, useState } from 'react'
import { fieldProblem } from '../api/field-problem.ts'
import type { Tagged } from '../api/tagged.ts'
import { ErrorNote } from './error-note.tsx'
import { useReturnFocus } from './use-return-focus.ts'
import { useSubmit } from './use-submit.ts'

/** Beside the page: where something is made or changed. What is typed is not lost by a click beside it. */
export function FormDrawer({
  opened,
  title,
  onClose,
  wide = false,
  children,
}: {
  opened: boolean
  title: string
  onClose: () => void
  /** There is much to say. */
  wide?: boolean
  children: ReactNode
}) {
  useReturnFocus(opened)
  return (
    <Drawer
      opened={opened}
      onClose={onClose}
      title={title}
      position="right"
      size={`min(${wide ? 600 : 520}px, 100%)`}
      closeOnClickOutside={false}
    >
      {children}
    </Drawer>
  )
}

/** The same for something that is there: as it is now, and from the start when somebody else was quicker. */
export function EditDrawer<Item>({
  query,
  children,
  ...frame
}: {
  opened: boolean
  title: string
  onClose: () => void
  query: UseQueryResult<Tagged<Item>>
  children: (now: Tagged<Item>, startAgain: () => void) => ReactNode
}) {
  const [round, setRound] = useState(0)
  const { data, error, refetch } = query
  const startAgain = (): void => void refetch().then(() => setRound((count) => count + 1))
  return (
    <FormDrawer {...frame}>
      {data !== undefined ? (
        <div key={round}>{children(data, startAgain)}</div>
      ) : error !== null ? (
        <ErrorNote error={error} retry={() => void refetch()} />
      ) : (
        <Stack aria-busy="true" aria-label="Loading">
          <Skeleton h={60} />
          <Skeleton h={60} />
          <Skeleton h={120} />
        </Stack>
      )}
    </FormDrawer>
  )
}

/** Fields and their button. What the server refuses stands at the field, or above the button; what was typed stays. */
export function Form({
  action,
  ready = true,
  run,
  onCancel,
  startAgain,
  children,
}: {
  /** The verb on the button. */
  action: string
  ready?: boolean
  run: () => Promise<unknown>
  onCancel: () => void
  /** Where the refusal may be that somebody else has changed it. */
  startAgain?: () => void
  children: (problem: (path: string) => string | undefined) => ReactNode
}) {
  const { submit, busy, error } = useSubmit(run)
  const isOutdated = typeof error === 'object' && error !== null && 'status' in error && error.status === 412
  return (
    <form onSubmit={submit}>
      <Stack gap="lg">
        {children((path) => fieldProblem(error, path))}
        {error !== undefined && (
          <ErrorNote error={error} {...(isOutdated && startAgain !== undefined && { retry: startAgain })} />
        )}
        <FormFoot action={action} ready={ready} busy={busy} onCancel={onCancel} />
      </Stack>
    </form>
  )
}

/** The way out and the way on, always in sight however long the form is. */
export const FormFoot = ({
  action,
  ready,
  busy,
  onCancel,
}: {
  /** The verb on the button. */
  action: string
  ready: boolean
  busy: boolean
  onCancel: () => void
}) => (
  <Group justify="flex-end" gap="xs" className="drawer-foot">
    <Button variant="default" onClick={onCancel}>
      Cancel
    </Button>
    <Button type="submit" loading={busy} disabled={!ready}>
      {action}
    </Button>
  </Group>
)
