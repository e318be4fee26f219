import { canonicalPath } from '../../src/path.ts'
import type { Case, Scenario } from './scenario.ts'

/** The check and the one form of a path, as every request goes through it. */
export const scenario: Scenario = {
  about: 'canonicalPath: one path, nanoseconds',
  open: async () => ({ cases, [Symbol.asyncDispose]: async () => {} }),
}

const cases: readonly Case[] = [
  path('canonical as it comes', '/api/v1/projects/prj_01hzx3v9k2/runs/42', '/api/v1/projects/prj_01hzx3v9k2/runs/42'),
  path('one escape to decode', '/api/v1/projects/prj%5F01/runs', '/api/v1/projects/prj_01/runs'),
  path('UTF-8 in lower-case hex', '/caf%c3%a9/men%c3%bc', '/caf%C3%A9/men%C3%BC'),
  path('refused: dot segments', '/api/v1/../../admin', undefined),
  path('refused: broken escape at the end of 8 KB', `/${'a'.repeat(8000)}%zz`, undefined),
  path('canonical, 8 KB', `/${'a'.repeat(8000)}`, `/${'a'.repeat(8000)}`),
]

function path(name: string, raw: string, expected: string | undefined): Case {
  return {
    name,
    run(times) {
      let length = 0
      for (let i = 0; i < times; i++) {
        const result = canonicalPath(raw)
        if (result !== expected) throw new Error(`${raw} gave ${result}`)
        length += result?.length ?? 1
      }
      return length
    },
  }
}
