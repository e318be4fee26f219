/** Whether the gateway has another dashboard by now than the one that runs here: what this one has not loaded may be gone. */
export async function isUpdated(): Promise<boolean> {
  const now = await fetch('/', { cache: 'no-store' }).then(
    (response) => (response.ok ? response.text() : undefined),
    () => undefined,
  )
  if (now === undefined) return false
  const theirs = scriptOf(new DOMParser().parseFromString(now, 'text/html'))
  return theirs !== undefined && theirs !== scriptOf(document)
}

/** Once in a while: nodes of two versions behind one address must not send a browser in circles. */
export function mayReload(): boolean {
  try {
    const last = Number(sessionStorage.getItem(storageKey) ?? 0)
    if (Date.now() - last < 30_000) return false
    sessionStorage.setItem(storageKey, String(Date.now()))
    return true
  } catch {
    // A browser that stores nothing could not tell: it asks.
    return false
  }
}

const storageKey = 'sallyport.updated-at'

/** The name of its main file has a hash of what is in it. */
const scriptOf = (page: Document): string | undefined =>
  page.querySelector('script[type=module][src]')?.getAttribute('src') ?? undefined
