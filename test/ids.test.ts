import { describe, expect, it } from 'vitest'
import { newId, uuidv7 } from '../src/ids.ts'

// Far in the future, so that the growing ids of other tests in this process do not stand above.
const now = Date.UTC(2100, 0, 1)

describe('ids', () => {
  it('are a prefix and 26 lower-case letters without those that are mistaken for others', () => {
    expect(newId('key', now)).toMatch(/^key_[0-7][0-9a-hjkmnp-tv-z]{25}$/)
  })

  it('are UUIDs of version 7 with the time in front', () => {
    const at = now + 60_000
    const id = uuidv7(at)
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)).toBe(at)
  })

  it('grow, however many come in one millisecond and whatever the clock does', () => {
    const times = [now + 70_000, now + 70_000, now, now + 71_000]
    const uuids = times.flatMap((at) => Array.from({ length: 10_000 }, () => uuidv7(at)))
    expect(uuids.every((id, index) => index === 0 || id > (uuids[index - 1] ?? ''))).toBe(true)
    const ids = times.flatMap((at) => Array.from({ length: 10_000 }, () => newId('org', at)))
    expect(ids.every((id, index) => index === 0 || id > (ids[index - 1] ?? ''))).toBe(true)
  })

  it('have a tail that no two share', () => {
    const tails = Array.from({ length: 20_000 }, () => uuidv7(now).slice(-16))
    expect(new Set(tails).size).toBe(tails.length)
  })
})
