import { type Dispatch, type SetStateAction, useState } from 'react'

/**
 * What somebody is typing, before it counts. When the value changes from elsewhere the draft follows; the field stays where
 * it is, and with it the focus.
 */
export function useDraft<Value>(value: Value): [Value, Dispatch<SetStateAction<Value>>] {
  const [draft, setDraft] = useState(value)
  const text = JSON.stringify(value)
  const [seen, setSeen] = useState(text)
  if (seen !== text) {
    setSeen(text)
    setDraft(value)
  }
  return [draft, setDraft]
}
