import { useQueryClient } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'

export type StreamState = 'connecting' | 'live' | 'lost'

/**
 * Follows server-sent events of the admin API, and connects again when it was cut off; `lost` is shown meanwhile.
 * @param url null: not followed.
 */
export function useStream<Message>(
  url: string | null,
  onMessage: (message: Message) => void,
  event = 'message',
): StreamState {
  const client = useQueryClient()
  const [state, setState] = useState<StreamState>('connecting')
  const listener = useRef(onMessage)
  listener.current = onMessage
  useEffect(() => {
    if (url === null) return
    setState('connecting')
    let source: EventSource | undefined
    let timer = 0
    let failures = 0
    const connect = (): void => {
      source = new EventSource(url)
      source.onopen = () => {
        failures = 0
        setState('live')
      }
      source.onerror = () => {
        setState('lost')
        if (source?.readyState !== EventSource.CLOSED) return
        // Refused, which the browser takes for final: too many listen, or the session has ended, which `me` finds out.
        void client.invalidateQueries({ queryKey: ['me'] })
        timer = window.setTimeout(connect, Math.min(30_000, 2000 * 2 ** failures++))
      }
      source.addEventListener(event, (message: MessageEvent<string>) =>
        listener.current(JSON.parse(message.data) as Message),
      )
    }
    connect()
    return () => {
      window.clearTimeout(timer)
      source?.close()
    }
  }, [url, event, client])
  return state
}
