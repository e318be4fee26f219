import { useEffect } from 'react'
import { useLocation } from 'wouter'
import type { Place } from './places.ts'

interface Shortcuts {
  readonly places: readonly Place[]
  readonly onHelp: () => void
  readonly onPalette: () => void
}

/**
 * As on other consoles: g and then a letter goes to a page, / to its search, ? says what there is, and Ctrl or ⌘ with K finds
 * everything. None of them while somebody types or a dialog is open.
 */
export function useShortcuts({ places, onHelp, onPalette }: Shortcuts): void {
  const [, go] = useLocation()
  useEffect(() => {
    let armedUntil = 0
    const onKey = (event: KeyboardEvent): void => {
      const { key, target, timeStamp } = event
      const isDialog = document.querySelector('[role=dialog]') !== null
      if (key.toLowerCase() === 'k' && (event.metaKey || event.ctrlKey) && !event.altKey && !isDialog) {
        event.preventDefault()
        return onPalette()
      }
      const isTyping =
        target instanceof Element && target.closest('input, textarea, select, [contenteditable]') !== null
      if (event.metaKey || event.ctrlKey || event.altKey || isTyping || isDialog) return
      const isArmed = timeStamp < armedUntil
      armedUntil = key === 'g' && !isArmed ? timeStamp + 1500 : 0
      if (isArmed) {
        const place = places.find(({ hotkey }) => hotkey === key)
        if (place !== undefined) go(place.to)
      } else if (key === '?') onHelp()
      else if (key === '/') {
        event.preventDefault()
        const search = document.querySelector<HTMLInputElement>('input[type=search]')
        if (search === null) onPalette()
        else search.focus()
      }
    }
    window.addEventListener('keydown', onKey)
    return () => window.removeEventListener('keydown', onKey)
  }, [places, go, onHelp, onPalette])
}

/** What is held with a letter: on Apple's keyboards it is another one. */
export const modKey = /Mac|iP(?:hone|ad|od)/.test(navigator.platform) ? '⌘' : 'Ctrl'
