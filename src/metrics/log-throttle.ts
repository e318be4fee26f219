import type { Log, LogFields, LogLevel } from '../log.ts'

/**
 * Says what may happen a thousand times a second without saying it a thousand times. Of each kind the first few lines are
 * written at once; then, until the window ends, only the newest is kept, and written with the number of those left out.
 * So the last line of a kind always tells how things stand.
 */
export type ThrottledLog = (kind: string, level: LogLevel, fields: LogFields, message: string) => void

export interface ThrottleOptions {
  readonly burst?: number
  readonly windowMs?: number
}

export function throttleLog(log: Log, { burst = 3, windowMs = 10_000 }: ThrottleOptions = {}): ThrottledLog {
  const windows = new Map<string, Window>()

  const open = (kind: string): Window => {
    const window: Window = { written: 0, held: 0, latest: undefined }
    windows.set(kind, window)
    setTimeout(close, windowMs, kind, window).unref()
    return window
  }

  const close = (kind: string, window: Window): void => {
    windows.delete(kind)
    if (!window.latest) return
    const { level, fields, message } = window.latest
    // The line of the next window: what goes on and on is one line per window.
    open(kind).written = burst
    log[level](window.held > 1 ? { ...fields, repeated: window.held } : fields, message)
  }

  return (kind, level, fields, message) => {
    const name = windows.has(kind) || windows.size < kindsMax ? kind : 'other'
    const window = windows.get(name) ?? open(name)
    if (window.written < burst) {
      window.written++
      log[level](fields, message)
      return
    }
    window.held++
    window.latest = { level, fields, message }
  }
}

interface Window {
  written: number
  held: number
  latest: { readonly level: LogLevel; readonly fields: LogFields; readonly message: string } | undefined
}

const kindsMax = 1000
