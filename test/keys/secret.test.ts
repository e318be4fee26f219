import { inspect } from 'node:util'
import { expect, it } from 'vitest'
import { Secret } from '../../src/keys/secret.ts'

it('gives its text to who asks for it, and to no other way of printing', () => {
  const secret = new Secret('hunter2')
  expect(secret.reveal()).toBe('hunter2')
  const printed = [
    `${secret}`,
    String(secret),
    // biome-ignore lint/style/useTemplate: adding is one more way that a text is made
    '' + secret,
    JSON.stringify({ secret }),
    inspect({ deep: { secret } }, { depth: 9, showHidden: true }),
    inspect(new Error('no', { cause: secret })),
    JSON.stringify(structuredClone(secret)),
    JSON.stringify(Object.entries(secret)),
  ]
  for (const text of printed) expect(text).not.toContain('hunter2')
  expect(printed[0]).toBe('[secret]')
  expect(inspect(secret)).toBe('[secret]')
})
