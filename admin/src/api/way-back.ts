import { isPath } from './is-path.ts'

const storageKey = 'sallyport.way-back'

/** Before single sign-on, which leaves this page and ends at the start page: where somebody was. */
export function keepWayBack(): void {
  const { pathname, search } = window.location
  try {
    if (pathname !== '/login') sessionStorage.setItem(storageKey, pathname + search)
  } catch {
    // A browser that stores nothing: the start page it is.
  }
}

/** undefined: nowhere in particular. */
export function wayBack(): string | undefined {
  try {
    const way = sessionStorage.getItem(storageKey) ?? undefined
    return way !== undefined && isPath(way, window.location.origin) && way !== '/' ? way : undefined
  } catch {
    return undefined
  }
}

export function forgetWayBack(): void {
  try {
    sessionStorage.removeItem(storageKey)
  } catch {
    // Then there is none.
  }
}
