import { useEffect } from 'react'

/** When a dialog goes, the focus is where it was before: on the button, or the button of the menu, that opened it. */
export function useReturnFocus(opened = true): void {
  useEffect(() => {
    if (!opened) return
    const from = opener()
    return () => {
      // Mantine does the same for dialogs that stay in the page, and waits less long.
      setTimeout(() => {
        const isNowhere = document.activeElement === null || document.activeElement === document.body
        if (isNowhere && from?.isConnected) from.focus({ preventScroll: true })
      }, 50)
    }
  }, [opened])
}

/** An entry of a menu goes with its menu: then it is the button of that. */
function opener(): HTMLElement | null {
  const active = document.activeElement as HTMLElement | null
  const button = active?.closest('[role=menu]')?.getAttribute('aria-labelledby')
  return button ? document.getElementById(button) : active
}
