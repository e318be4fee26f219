/** Waits that can be cut short. */
export interface Pauses {
  wait(ms: number): Promise<void>
  /** Ends all waits at once. */
  wake(): void
}

export function createPauses(): Pauses {
  const waits = new Set<() => void>()
  return {
    wait: (ms) =>
      new Promise((resolve) => {
        const end = (): void => {
          clearTimeout(timer)
          waits.delete(end)
          resolve()
        }
        const timer = setTimeout(end, ms)
        waits.add(end)
      }),
    wake: () => {
      for (const end of [...waits]) end()
    },
  }
}
