import { Alert, Button, Group, Stack, Text } from '@mantine/core'
import { Component, type ReactNode, useEffect, useState } from 'react'
import { isUnstored } from '../api/held.ts'
import { isUpdated, mayReload } from '../api/version.ts'
import { ErrorNote } from './error-note.tsx'
import { PageSkeleton } from './page-skeleton.tsx'

interface Props {
  /** Where the page is: another place is another try. */
  readonly at: string
  readonly children: ReactNode
}

/** A page that breaks, or whose files can't be had, leaves the rest of the dashboard standing. */
export class PageBoundary extends Component<Props, { error: unknown }> {
  override state: { error: unknown } = { error: undefined }

  static getDerivedStateFromError(error: unknown) {
    return { error }
  }

  override componentDidUpdate({ at }: Props): void {
    if (at !== this.props.at && this.state.error !== undefined) this.setState({ error: undefined })
  }

  override render(): ReactNode {
    const { error } = this.state
    if (error === undefined) return this.props.children
    return isOfLoading(error) ? <NotLoaded /> : <ErrorNote error={error} retry={reload} />
  }
}

const reload = (): void => window.location.reload()

/** As Chromium, Firefox and Safari say it. */
const isOfLoading = (error: unknown): boolean =>
  error instanceof Error && /dynamically imported module|importing a module script|preload CSS/i.test(error.message)

/**
 * The gateway has another version by now: then that one is loaded, by itself, unless a secret would be lost with the page.
 * Else it is not known why, and said so.
 */
function NotLoaded() {
  const [isKnown, setKnown] = useState(false)
  useEffect(() => {
    let isGone = false
    isUpdated().then((updated) => {
      if (isGone) return
      if (updated && !isUnstored() && mayReload()) reload()
      else setKnown(true)
    })
    return () => {
      isGone = true
    }
  }, [])
  if (!isKnown) return <PageSkeleton />
  return (
    <Alert color="red" variant="light" title="This page could not be loaded" role="alert">
      <Stack gap="xs">
        <Text size="sm">
          The gateway can’t be reached from this browser, or it has been updated since the dashboard was opened.
        </Text>
        <Group>
          <Button size="compact-sm" variant="default" onClick={reload}>
            Load it again
          </Button>
        </Group>
      </Stack>
    </Alert>
  )
}
