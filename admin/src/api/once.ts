import { useCallback, useRef } from 'react'

/** @param call gets the header to send along. */
type Once = <Result>(body: unknown, call: (header: { 'Idempotency-Key': string }) => Promise<Result>) => Promise<Result>

/**
 * For calls that make something: another try with the same body, after an answer that was lost on its way, makes nothing
 * twice and gets the first answer. Once there was an answer, the next call is a new one.
 */
export function useOnce(): Once {
  const last = useRef<{ readonly body: string; readonly key: string } | undefined>(undefined)
  return useCallback(async (body, call) => {
    const text = JSON.stringify(body)
    if (last.current?.body !== text) last.current = { body: text, key: randomKey() }
    const result = await call({ 'Idempotency-Key': last.current.key })
    last.current = undefined
    return result
  }, [])
}

/** crypto.randomUUID is not there on plain HTTP. */
const randomKey = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')
