import { type FormEvent, useCallback, useState } from 'react'

export interface Submission {
  /** For a form, or called by itself. */
  readonly submit: (event?: FormEvent) => void
  readonly busy: boolean
  /** Why it was refused the last time; undefined: it was not. */
  readonly error: unknown
  /** Forgets what was said. */
  readonly reset: () => void
}

/** What a form does when it is sent: whether that is under way, and what was said where it was refused. What was typed stays. */
export function useSubmit(run: () => Promise<unknown>): Submission {
  const [error, setError] = useState<unknown>(undefined)
  const [busy, setBusy] = useState(false)
  const attempt = async (): Promise<void> => {
    setBusy(true)
    setError(undefined)
    try {
      await run()
    } catch (refusal) {
      setError(refusal)
    } finally {
      setBusy(false)
    }
  }
  const submit = (event?: FormEvent): void => {
    event?.preventDefault()
    void attempt()
  }
  const reset = useCallback(() => setError(undefined), [])
  return { submit, busy, error, reset }
}
