/**
 * Waits until `check` gives something other than false, null or undefined, and resolves with it.
 * A check that throws has not come true yet; what it threw last is the cause of the error after the deadline.
 * The only way to wait in these tests: it ends as soon as the thing is so, and says what never came.
 */
export async function eventually<T>(
  what: string,
  check: () => T | Promise<T>,
  { withinMs = 3000, everyMs = 5 }: { withinMs?: number; everyMs?: number } = {},
): Promise<Exclude<T, false | null | undefined>> {
  const deadline = performance.now() + withinMs
  let cause: unknown
  for (;;) {
    try {
      const value = await check()
      if (value !== false && value !== null && value !== undefined) {
        return value as Exclude<T, false | null | undefined>
      }
    } catch (error) {
      cause = error
    }
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`, { cause })
    await new Promise((resolve) => setTimeout(resolve, everyMs))
  }
}

/** The promise's value, or an error that names what did not come in time. */
export async function within<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${ms} ms: ${what}`)), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Resolves with a number once it has not changed for `forMs`: how far something goes before it stalls. */
export async function settled(
  what: string,
  read: () => number,
  { forMs = 250, withinMs = 15_000 } = {},
): Promise<number> {
  let last = read()
  let since = performance.now()
  return await eventually(
    `${what} to stand still`,
    () => {
      const value = read()
      if (value !== last) since = performance.now()
      last = value
      return performance.now() - since >= forMs ? { value } : undefined
    },
    { withinMs },
  ).then(({ value }) => value)
}
