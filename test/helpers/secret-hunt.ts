import { hash } from 'node:crypto'

/** Where secrets are looked for. */
export interface SecretHunt {
  /** A secret that must be in none of the places. @param shown how many of its first and last characters anyone may see. */
  add(what: string, secret: string, shown?: { readonly first: number; readonly last: number }): void
  /** Something that must be in none of the places but those of `except`: the hash of a key, which the store is there for. */
  addHash(what: string, secret: string, except: readonly string[]): void
  place(name: string, bytes: Buffer | string): void
  /** Each thing found, with its form and its place. */
  findings(): string[]
  /** Whether a place holds a text: what holds nothing at all would prove nothing. */
  holds(place: string, text: string): boolean
}

export function createSecretHunt(): SecretHunt {
  const needles: { what: string; form: string; bytes: Buffer; except: readonly string[] }[] = []
  const places = new Map<string, Buffer>()
  const add = (what: string, form: string, bytes: Buffer | string, except: readonly string[] = []) =>
    needles.push({ what, form, bytes: Buffer.from(bytes), except })

  return {
    add(what, secret, { first, last } = { first: 0, last: 0 }) {
      const hidden = secret.slice(first, secret.length - last)
      if (hidden.length < 16) throw new Error(`${what} has too little that is hidden`)
      add(what, 'as it is', hidden)
      add(what, 'in capitals', hidden.toUpperCase())
      add(what, 'backwards', [...hidden].reverse().join(''))
      add(what, 'UTF-16', Buffer.from(hidden, 'utf16le'))
      add(what, 'hexadecimal', Buffer.from(hidden).toString('hex'))
      add(
        what,
        'percent-encoded',
        encodeEach(hidden, (hex) => `%${hex}`),
      )
      add(
        what,
        'percent-encoded in capitals',
        encodeEach(hidden, (hex) => `%${hex.toUpperCase()}`),
      )
      add(
        what,
        'escaped as JSON',
        encodeEach(hidden, (hex) => `\\u00${hex}`),
      )
      if (encodeURIComponent(hidden) !== hidden) add(what, 'URL-encoded', encodeURIComponent(hidden))
      // Where it stands in something longer, its first byte may be any of the three of a group.
      for (const offset of [0, 1, 2]) {
        const inner = Buffer.from(hidden.slice(offset, offset + 3 * Math.floor((hidden.length - offset) / 3)))
        add(what, `base64 from ${offset}`, inner.toString('base64'))
        add(what, `base64url from ${offset}`, inner.toString('base64url'))
      }
    },
    addHash(what, secret, except) {
      const sha256 = hash('sha256', secret, 'buffer')
      add(what, 'SHA-256', sha256, except)
      for (const encoding of ['hex', 'base64', 'base64url'] as const) {
        add(what, `SHA-256 in ${encoding}`, sha256.toString(encoding), except)
      }
    },
    place(name, bytes) {
      places.set(name, Buffer.concat([places.get(name) ?? Buffer.alloc(0), Buffer.from(bytes)]))
    },
    findings: () =>
      [...places].flatMap(([place, bytes]) =>
        needles
          .filter((needle) => !needle.except.includes(place) && bytes.includes(needle.bytes))
          .map(({ what, form }) => `${what}, ${form}, in ${place}`),
      ),
    holds: (place, text) => places.get(place)?.includes(text) === true,
  }
}

const encodeEach = (text: string, encode: (hex: string) => string): string =>
  Array.from(Buffer.from(text), (byte) => encode(byte.toString(16).padStart(2, '0'))).join('')
