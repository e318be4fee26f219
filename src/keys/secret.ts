import { inspect } from 'node:util'

/**
 * A text that must not be printed. Whatever logs, serializes or inspects it by accident gets `[secret]`; only
 * `reveal` gives the text. Clones and messages to other threads carry nothing, since the field is private.
 */
export class Secret {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  reveal(): string {
    return this.#text
  }

  toString(): string {
    return secretMark
  }

  toJSON(): string {
    return secretMark
  }

  [inspect.custom](): string {
    return secretMark
  }
}

/** What stands where a secret stood. */
export const secretMark = '[secret]'
