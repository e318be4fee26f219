import { useLayoutEffect, useState } from 'react'

/**
 * The token of a one-time link. It comes behind the #, which no server sees, and is out of the address before the page is
 * shown: neither the history nor a screenshot has it.
 */
export function useLinkToken(): string | undefined {
  const [token, setToken] = useState(tokenInAddress)
  useLayoutEffect(() => {
    const take = (): void => {
      const found = tokenInAddress()
      if (found === undefined) return
      setToken(found)
      window.history.replaceState(null, '', '/setup')
    }
    take()
    // Another link, pasted into the address of this very page, loads nothing anew.
    window.addEventListener('hashchange', take)
    return () => window.removeEventListener('hashchange', take)
  }, [])
  return token
}

const tokenInAddress = (): string | undefined =>
  new URLSearchParams(window.location.hash.slice(1)).get('token') ?? undefined
