import { useDebouncedValue } from '@mantine/hooks'
import { useState } from 'react'
import { api } from '../api/client.ts'
import { usePages } from '../api/pages.ts'

/** Organizations by a part of their name, which the server looks for: there may be more of them than one loads. */
export function useOrganizationSearch(enabled = true) {
  const [search, setSearch] = useState('')
  const [settled] = useDebouncedValue(search.trim(), 200)
  const pages = usePages(
    ['organizations', 'found', settled],
    (query, signal) =>
      api.GET('/platform/organizations', {
        params: { query: { ...query, ...(settled !== '' && { q: settled }) } },
        signal,
      }),
    { enabled },
  )
  // What is still shown from before is not taken for an answer.
  const isSettled = search.trim() === settled && !pages.query.isPlaceholderData
  return { ...pages, search, setSearch, isSettled }
}
