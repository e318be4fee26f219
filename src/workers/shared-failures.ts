import type { Clock } from '../clock.ts'
import type { Config } from '../config/schema.ts'
import { createFailureGuard, type FailureGuard } from '../limiter/failures.ts'

export interface SharedFailures {
  /** A guard that also counts what other workers have seen, up to 50 ms later. */
  guard(settings: Config['auth_failures']): FailureGuard
  /** What they have seen. */
  heard(addresses: readonly string[]): void
  close(): void
}

/** @param tell the other workers; called with at most 1,000 addresses at a time. */
export function createSharedFailures({
  clock,
  tell,
}: {
  readonly clock: Pick<Clock, 'monotonic'>
  readonly tell: (addresses: readonly string[]) => void
}): SharedFailures {
  let current: FailureGuard | undefined
  let settled = ''
  let seen: string[] = []
  const timer = setInterval(() => {
    if (seen.length === 0) return
    tell(seen)
    seen = []
  }, everyMs).unref()

  return {
    guard({ requests, per: perMs }) {
      const settings = `${requests} ${perMs}`
      const guard =
        current !== undefined && settings === settled ? current : createFailureGuard({ clock, requests, perMs })
      current = guard
      settled = settings
      return {
        ...guard,
        failed(address) {
          guard.failed(address)
          // Under a flood the rest goes untold: what each worker counts by itself bounds it as well.
          if (seen.length < toldMax) seen.push(address)
        },
      }
    },
    heard(addresses) {
      for (const address of addresses) current?.failed(address)
    },
    close: () => clearInterval(timer),
  }
}

const everyMs = 50
const toldMax = 1000
