import { Tooltip } from '@mantine/core'
import { useEffect, useReducer } from 'react'

/** Each with its seconds, and from how many on it is used: "in 2 months" is too rough for a key that ends in 89 days. */
const steps: readonly (readonly [Intl.RelativeTimeFormatUnit, number, number])[] = [
  ['year', 365 * 86_400, 730 * 86_400],
  ['month', 30.44 * 86_400, 120 * 86_400],
  ['day', 86_400, 86_400],
  ['hour', 3600, 3600],
  ['minute', 60, 60],
  ['second', 1, 0],
]
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto', style: 'long' })
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' })

export function relativeTime(iso: string, now = Date.now()): string {
  const seconds = (Date.parse(iso) - now) / 1000
  const [unit, size] = steps.find(([, , from]) => Math.abs(seconds) >= from) ?? ['second', 1]
  // What was made for 90 days ends in 90 days, also a moment later; what is past is told in whole units.
  const count = seconds > 0 ? Math.round(seconds / size) : Math.trunc(seconds / size)
  return Math.abs(seconds) < 5 ? 'just now' : relative.format(count, unit)
}

export const exactTime = (iso: string): string => exact.format(new Date(iso))

/** How long ago or ahead, with the exact time behind it. */
export function Time({ at, none = 'never' }: { at: string | null | undefined; none?: string }) {
  const [, again] = useReducer((count: number) => count + 1, 0)
  useEffect(() => {
    const timer = setInterval(again, 30_000)
    return () => clearInterval(timer)
  }, [])
  if (at === null || at === undefined) return <span className="quiet">{none}</span>
  return (
    <Tooltip label={`${exactTime(at)} · ${at}`}>
      <time dateTime={at}>{relativeTime(at)}</time>
    </Tooltip>
  )
}
