import { Button, Drawer, Group, Skeleton, Stack } from '@mantine/core'
import type { UseQueryResult } from '@tanstack/react-query'
import { createContext, type ReactNode, useContext, useState } from 'react'
import { ApiError } from '../api/client.ts'
import { fieldProblem } from '../api/field-problem.ts'
import type { Tagged } from '../api/tagged.ts'
import { ErrorNote } from './error-note.tsx'
import { Meanwhile } from './meanwhile.tsx'
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
export function EditDrawer<Item extends object>({
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
  const { data, error, refetch } = query
  return (
    <FormDrawer {...frame}>
      {data !== undefined ? (
        <Edited now={data} look={refetch}>
          {children}
        </Edited>
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

/** Knows what was there when somebody began, and what is there now. */
function Edited<Item extends object>({
  now,
  look,
  children,
}: {
  now: Tagged<Item>
  look: () => Promise<unknown>
  children: (now: Tagged<Item>, startAgain: () => void) => ReactNode
}) {
  const [{ before, round }, begin] = useState({ before: now.item, round: 0 })
  // It was looked at when the refusal came. At once: what is typed from here on is typed into the new form.
  const startAgain = (): void => begin({ before: now.item, round: round + 1 })
  return (
    <EditedContext value={{ before, now: now.item, look }}>
      <div key={round}>{children(now, startAgain)}</div>
    </EditedContext>
  )
}

const EditedContext = createContext<
  { readonly before: object; readonly now: object; readonly look: () => Promise<unknown> } | undefined
>(undefined)

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
  const edited = useContext(EditedContext)
  const { submit, busy, error } = useSubmit(async () => {
    try {
      await run()
    } catch (refusal) {
      // What it is now tells what somebody else has changed.
      if (isOutdated(refusal)) await edited?.look()
      throw refusal
    }
  })
  return (
    <form onSubmit={submit}>
      <Stack gap="lg">
        {children((path) => fieldProblem(error, path))}
        {isOutdated(error) && edited !== undefined && startAgain !== undefined ? (
          <Meanwhile before={edited.before} now={edited.now} startAgain={startAgain} />
        ) : (
          error !== undefined && <ErrorNote error={error} />
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

/** Whether somebody else has changed it since (If-Match). */
export const isOutdated = (error: unknown): boolean => error instanceof ApiError && error.status === 412
