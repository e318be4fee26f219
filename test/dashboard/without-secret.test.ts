import { describe, expect, it } from 'vitest'
import { withoutSecret } from '../../admin/src/components/without-secret.ts'

describe('what somebody searches for', () => {
  it.each([
    'sk_live_0123456789abcdef0123456789abcdef',
    '7d9f4c1ab2e84f60933c5a7710de42bb',
    '7d9f4c1a-b2e8-4f60-933c-5a7710de42bb',
    'AKIA1234567890ABCDEF',
    'sk_live_4fGh7JkLmNpQrStUvWxYz012345',
    'SK_01k2m3n4p5q6r7s8t9v0w1x2y3',
  ])('is cut where it may be a whole key: %s', (word) => {
    expect(withoutSecret(word)).toBe(word.slice(0, 12))
    expect(withoutSecret(`of ${word} now`)).toBe(`of ${word.slice(0, 12)} now`)
  })

  it.each([
    'key_01k2m3n4p5q6r7s8t9v0w1x2y3',
    'the deploy key of 2026 for the region of Frankfurt',
    'internationalization-of-everything',
    'sk_live_4fGh7JkLmNpQ',
    'a-b-c-d-e-f-1-2-3-4-5-6',
    '',
  ])('stays as it is else: %s', (text) => expect(withoutSecret(text)).toBe(text))
})
