import { describe, expect, it } from 'vitest'
import { isPath } from '../../admin/src/api/is-path.ts'

const origin = 'https://gateway.example'

describe('the way back after a log-in', () => {
  it.each(['/', '/o/org_1/keys?q=a#top', '/login?to=//evil.example'])('is a page of this dashboard: %j', (to) =>
    expect(isPath(to, origin)).toBe(true),
  )

  it.each([
    '//evil.example',
    '/\\evil.example',
    '/\t/evil.example',
    '/\n\\evil.example',
    '/\r//evil.example',
    'https://evil.example/',
    'javascript:alert(1)',
    'o/org_1',
    '//',
    '/\t/',
  ])('is nowhere else: %j', (to) => expect(isPath(to, origin)).toBe(false))
})
