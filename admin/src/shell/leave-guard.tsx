import { Button, Group, Modal, Stack, Text } from '@mantine/core'
import { createContext, type ReactNode, useCallback, useContext, useEffect, useState } from 'react'
import { type AroundNavHandler, Router } from 'wouter'
import { navigate as goTo } from 'wouter/use-browser-location'
import { isUnstored, letGo, useAskBeforeUnload } from '../api/held.ts'

type Leave = (go: () => void) => void

const LeaveContext = createContext<Leave>((go) => go())

/** Asks before a page is left that shows a secret which nobody has stored: by a link, a key, Back, or closing the tab. */
export function LeaveGuard({ children }: { children: ReactNode }) {
  const [go, setGo] = useState<(() => void) | undefined>(undefined)
  const asks = useAskBeforeUnload()
  useBack(asks, (to) => setGo(() => () => goTo(to)))

  const askBefore: AroundNavHandler = useCallback((navigate, to, options) => {
    // The same page with another dialog or filter is not left.
    const isSamePage = new URL(to, window.location.href).pathname === window.location.pathname
    if (isSamePage || !isUnstored()) navigate(to, options)
    else setGo(() => () => navigate(to, options))
  }, [])
  const leaveBy: Leave = useCallback((way) => (isUnstored() ? setGo(() => way) : way()), [])
  const stay = (): void => setGo(undefined)
  const leave = (): void => {
    stay()
    letGo()
    go?.()
  }
  return (
    <LeaveContext value={leaveBy}>
      <Router aroundNav={askBefore}>{children}</Router>
      {/* Above the dialog that shows it. */}
      <Modal opened={go !== undefined} onClose={stay} title="Leave without the secret?" zIndex={400}>
        <Stack>
          <Text size="sm">
            It is shown on this page alone, and nobody can show it again. Copy or download it first, and say that you
            have stored it.
          </Text>
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={leave}>
              Leave without it
            </Button>
            <Button onClick={stay} data-autofocus>
              Stay here
            </Button>
          </Group>
        </Stack>
      </Modal>
    </LeaveContext>
  )
}

/** For what leaves the page by itself: runs it at once, or when somebody has said that they mean it. */
export const useLeave = (): Leave => useContext(LeaveContext)

/** Back and Forward have changed the address by the time they are heard of: it is put back, and asked. */
function useBack(asks: boolean, onBack: (to: string) => void): void {
  useEffect(() => {
    if (!asks) return
    let here = window.location.href
    const note = (): void => {
      here = window.location.href
    }
    const keep = (event: PopStateEvent): void => {
      const to = window.location.href
      if (to === here || !isUnstored()) return
      event.stopImmediatePropagation()
      window.history.pushState(null, '', here)
      onBack(to)
    }
    // The router says so when it has changed the address.
    window.addEventListener('pushState', note)
    window.addEventListener('replaceState', note)
    onBackOrForward = keep
    return () => {
      window.removeEventListener('pushState', note)
      window.removeEventListener('replaceState', note)
      onBackOrForward = undefined
    }
  })
}

let onBackOrForward: ((event: PopStateEvent) => void) | undefined
// On the window those who listened first hear of it first: this runs before the router is there.
window.addEventListener('popstate', (event) => onBackOrForward?.(event))
