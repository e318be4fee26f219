import { useEffect, useLayoutEffect, useRef, useSyncExternalStore } from 'react'

/** A secret that is on the screen and nowhere else. */
interface Held {
  isStored: boolean
}

const held = new Set<Held>()
const listeners = new Set<() => void>()

/**
 * Keeps a secret on the screen: while it is shown no end of the session takes it away, and until it is stored nobody leaves
 * the page without being asked.
 */
export function useHold(isShown: boolean, isStored: boolean): void {
  const own = useRef<Held>({ isStored })
  // Before anything else can happen to the page.
  useLayoutEffect(() => {
    const { current } = own
    if (!isShown) return
    held.add(current)
    tell()
    return () => {
      held.delete(current)
      tell()
    }
  }, [isShown])
  useLayoutEffect(() => {
    own.current.isStored = isStored
    tell()
  }, [isStored])
}

/** Whether a secret is shown, stored or not. */
export const useIsHeld = (): boolean => useSyncExternalStore(subscribe, () => held.size > 0)

/** Whether one would be lost. */
export const isUnstored = (): boolean => [...held].some(({ isStored }) => !isStored)

/** Somebody gives them up. */
export function letGo(): void {
  held.clear()
  tell()
}

/** The browser asks, in its own words, before the page is closed or loaded again. */
export function useAskBeforeUnload(): boolean {
  const asks = useSyncExternalStore(subscribe, isUnstored)
  useEffect(() => {
    if (!asks) return
    const ask = (event: BeforeUnloadEvent): void => event.preventDefault()
    window.addEventListener('beforeunload', ask)
    return () => window.removeEventListener('beforeunload', ask)
  }, [asks])
  return asks
}

const tell = (): void => {
  for (const listener of listeners) listener()
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => void listeners.delete(listener)
}
