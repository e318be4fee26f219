import { InvalidArgumentError } from 'commander'
import { systemClock } from '../clock.ts'
import { parseDuration } from '../config/duration.ts'
import { isPlainLine, isPlainText } from '../plain-text.ts'
import type { Metadata, RateLimitSetting } from '../store/store.ts'

/** Readers of option values. Each throws commander's InvalidArgumentError, which ends with exit code 2. */

/** `a,b` → adds both; for options that may also be given several times. */
export function readList(text: string, before: readonly string[] | undefined): string[] {
  const items = text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
  if (items.length === 0) throw new InvalidArgumentError('It must name at least one.')
  return [...(before ?? []), ...items]
}

/** What something is called. */
export function readName(text: string): string {
  const name = text.trim()
  if (name === '' || name.length > 200 || !isPlainLine(name)) {
    throw new InvalidArgumentError('It must be 1 to 200 characters of well-formed Unicode, without control characters.')
  }
  return name
}

/** Why something was done. */
export function readReason(text: string): string {
  if (text.length > 500 || !isPlainText(text)) {
    throw new InvalidArgumentError(
      'It must be at most 500 characters of well-formed Unicode, without control characters.',
    )
  }
  return text
}

/** A whole number; whether it is in bounds is for the rules to say. */
export function readInteger(text: string): number {
  if (!/^-?\d{1,15}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.')
  return Number(text)
}

/** `1h` → milliseconds. */
export function readDuration(text: string): number {
  const ms = parseDuration(text)
  if (ms === undefined) throw new InvalidArgumentError('Write a number and a unit: 500ms, 30s, 5m, 1h or 30d.')
  return ms
}

/** `24h`, which is so long ago, or a time in ISO 8601 → milliseconds since the epoch. */
export function readMoment(text: string): number {
  const ago = parseDuration(text)
  if (ago !== undefined) return systemClock.now() - ago
  const form = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/
  const at = form.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isFinite(at)) return at
  throw new InvalidArgumentError(
    'Write a time, 2026-01-31 or 2026-01-31T12:00:00Z (UTC), or how long ago: 30m, 24h or 7d.',
  )
}

/** `100/1m` → 100 requests each minute. */
export function readRateLimit(text: string): RateLimitSetting {
  const [requests = '', per = '', ...rest] = text.split('/')
  const perMs = parseDuration(per)
  if (!/^\d{1,10}$/.test(requests) || perMs === undefined || rest.length > 0) {
    throw new InvalidArgumentError('Write requests/time, for example 100/1m.')
  }
  return { requests: Number(requests), perMs }
}

/** A JSON object. */
export function readMetadata(text: string): Metadata {
  try {
    const value: unknown = JSON.parse(text)
    if (isObject(value)) return value
  } catch {
    // Said below, together with JSON that is no object.
  }
  throw new InvalidArgumentError('It must be a JSON object, for example \'{"plan":"pro"}\'.')
}

const isObject = (value: unknown): value is Metadata =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
