import { useQueryClient } from '@tanstack/react-query'
import { startTransition, useEffect, useRef, useState } from 'react'
import type { Schema } from '../../api/client.ts'
import { type StreamState, useStream } from '../../api/stream.ts'

type Row = Schema<'RequestRecord'>

export interface Tail {
  readonly state: StreamState
  /** Newest first, never more than `tailMax`. */
  readonly rows: readonly Row[]
  /** Some were let go: between these rows and the list there is a gap. */
  readonly isFull: boolean
  readonly paused: boolean
  /** How many came while paused. */
  readonly waiting: number
  pause(): void
  resume(): void
}

export const tailMax = 500
/** What comes is shown together a few times a second: a busy gateway must not keep the page busy. */
const showEveryMs = 400

/** Follows the request log. @param url null: not followed. */
export function useTail(url: string | null): Tail {
  const client = useQueryClient()
  const [rows, setRows] = useState<readonly Row[]>([])
  const [isFull, setFull] = useState(false)
  const [paused, setPaused] = useState(false)
  const [waiting, setWaiting] = useState(0)
  const arrived = useRef<{ rows: Row[]; count: number }>({ rows: [], count: 0 })

  const state = useStream<Row>(
    url,
    (row) => {
      const { current } = arrived
      current.count++
      if (current.rows.push(row) > tailMax) current.rows.shift()
    },
    'request',
  )

  // biome-ignore lint/correctness/useExhaustiveDependencies: what another filter has let through is another tail
  useEffect(() => {
    arrived.current = { rows: [], count: 0 }
    setRows([])
    setFull(false)
    setPaused(false)
    setWaiting(0)
  }, [url])

  useEffect(() => {
    if (url === null) return
    const timer = setInterval(() => {
      const { rows: fresh, count } = arrived.current
      if (count === 0) return
      if (paused) return setWaiting(count)
      arrived.current = { rows: [], count: 0 }
      startTransition(() => {
        setRows((before) => {
          const all = [...fresh.reverse(), ...before]
          if (all.length > tailMax || count > fresh.length) setFull(true)
          return all.slice(0, tailMax)
        })
      })
    }, showEveryMs)
    return () => clearInterval(timer)
  }, [url, paused])

  // What came while it was cut off is in the list.
  const wasLost = useRef(false)
  useEffect(() => {
    if (state === 'live' && wasLost.current) void client.invalidateQueries({ queryKey: ['requests'] })
    wasLost.current = state === 'lost'
  }, [state, client])

  return {
    ...{ state, rows, isFull, paused, waiting },
    pause: () => setPaused(true),
    resume: () => {
      setPaused(false)
      setWaiting(0)
    },
  }
}
