import { useEffect, useRef, useState } from 'react'

export type StreamState = 'connecting' | 'live' | 'lost'

/**
 * Follows server-sent events of the admin API. The browser connects again by itself; `lost` is shown meanwhile.
 * @param url null: not followed.
 */
export function useStream<Message>(
  url: string | null,
  onMessage: (message: Message) => void,
  event = 'message',
): StreamState {
  const [state, setState] = useState<StreamState>('connecting')
  const listener = useRef(onMessage)
  listener.current = onMessage
  useEffect(() => {
    if (url === null) return
    setState('connecting')
    const source = new EventSource(url)
    source.onopen = () => setState('live')
    source.onerror = () => setState('lost')
    source.addEventListener(event, (message: MessageEvent<string>) =>
      listener.current(JSON.parse(message.data) as Message),
    )
    return () => source.close()
  }, [url, event])
  return state
}
