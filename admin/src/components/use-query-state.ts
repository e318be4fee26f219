import { useCallback } from 'react'
import { useSearchParams } from 'wouter'

type State = Readonly<Record<string, string>>

/**
 * What a page shows, in its address, so that every state can be sent as a link. An empty value stands for none.
 * @returns the values of these names, and a change of some of them (which replaces the address: filters make no history).
 */
export function useQueryState<Names extends string>(
  names: readonly Names[],
): [Readonly<Record<Names, string>>, (change: Partial<Record<Names, string>>) => void] {
  const [params, setParams] = useSearchParams()
  const values = Object.fromEntries(names.map((name) => [name, params.get(name) ?? ''])) as Record<Names, string>
  const change = useCallback(
    (changes: Partial<Record<Names, string>>) => {
      setParams(
        (before) => {
          const after = new URLSearchParams(before)
          for (const [name, value] of Object.entries(changes as State)) {
            if (value === '') after.delete(name)
            else after.set(name, value)
          }
          return after
        },
        { replace: true },
      )
    },
    [setParams],
  )
  return [values, change]
}

/** Without those that are empty: for the query of a call. */
export const given = <Values extends State>(values: Values): Partial<Values> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== '')) as Partial<Values>
