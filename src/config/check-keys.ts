import type { Finding } from './problems.ts'
import type { Config } from './schema.ts'

/** No text may fit two formats of keys: it would be found in one way or another, as it happens. */
export function* checkKeys({ prefix, environments, accept }: Config['keys']): Generator<Finding> {
  for (const [index, environment] of environments.entries()) {
    if (environments.indexOf(environment) !== index) {
      yield { path: ['keys', 'environments', index], message: `"${environment}" stands here twice; remove one` }
    }
  }
  const own =
    environments.length === 0 ? [`${prefix}_`] : environments.map((environment) => `${prefix}_${environment}_`)
  for (const [index, format] of accept.entries()) {
    const path = ['keys', 'accept', index]
    const clash = own.find(
      (start) => overlap(start, format.prefix) && start.length + randomAndChecksum === format.length,
    )
    if (clash !== undefined) {
      yield {
        path,
        message: `keys of our own (${clash}…) would fit this format, and lose the check of their checksum; change the prefix or the length`,
      }
    }
    const earlier = accept
      .slice(0, index)
      .findIndex((other) => overlap(other.prefix, format.prefix) && other.length === format.length)
    if (earlier >= 0) {
      yield {
        path,
        message: `a key could fit this format and accept[${earlier}]; remove one, or make their prefixes different`,
      }
    }
  }
}

/** The 30 random characters and 6 of checksum that end every key of ours. */
const randomAndChecksum = 36

const overlap = (one: string, other: string): boolean => one.startsWith(other) || other.startsWith(one)
