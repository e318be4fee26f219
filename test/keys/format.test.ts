import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compileKeyFormats } from '../../src/keys/format.ts'

const formats = compileKeyFormats({ prefix: 'sk', environments: ['live', 'test'], accept: [] })
const plain = compileKeyFormats({ prefix: 'ix', environments: [], accept: [] })
const accepting = compileKeyFormats({
  prefix: 'sk',
  environments: ['live'],
  accept: [
    { prefix: 'rfk_', length: 40 },
    { prefix: 'ab', length: 24 },
  ],
})

const newKey = (environment = 'live'): string => formats.generate(environment).secret.reveal()
const base62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** Any character in any hex case, as often encoded as the list says. */
const encode = (text: string, rounds: readonly number[], lower: boolean): string =>
  [...text]
    .map((char, index) => {
      let encoded = char
      for (let round = 0; round < (rounds[index % rounds.length] ?? 0); round++) {
        encoded = encoded.replace(/^.|%/g, (one) => {
          const hex = one.charCodeAt(0).toString(16)
          return `%${lower ? hex : hex.toUpperCase()}`
        })
      }
      return encoded
    })
    .join('')

describe('generate', () => {
  it('makes prefix, environment, 30 random and 6 checksum characters', () => {
    expect(newKey('test')).toMatch(/^sk_test_[0-9A-Za-z]{36}$/)
    expect(plain.generate(null).secret.reveal()).toMatch(/^ix_[0-9A-Za-z]{36}$/)
  })

  it('ends with the CRC-32 of all before it as six base62 digits', () => {
    const key = newKey()
    const value = [...key.slice(-6)].reduce((sum, char) => sum * 62 + base62.indexOf(char), 0)
    expect(value).toBe(crc32(key.slice(0, -6)))
  })

  it('pads a small checksum with zeros', () => {
    let key = newKey()
    while (crc32(key.slice(0, -6)) >= 62 ** 5) key = newKey()
    expect(key).toHaveLength(44)
    expect(key.at(-6)).toBe('0')
  })

  it('gives every character the same chance: bytes that would favour the first ones are thrown away', () => {
    const counts = new Map<string, number>()
    for (let byte = 0; byte < 248; byte++) {
      const key = plain.generate(null, (size) => new Uint8Array(size).fill(byte)).secret.reveal()
      const char = key.charAt(3)
      expect(key.slice(3, 33)).toBe(char.repeat(30))
      counts.set(char, (counts.get(char) ?? 0) + 1)
    }
    expect([...counts.values()]).toEqual(new Array(62).fill(4))
    // The eight bytes that are left over are passed by.
    const mixed = (size: number) => Uint8Array.from({ length: size }, (_, at) => (at % 8 === 7 ? 5 : 248 + (at % 8)))
    expect(plain.generate(null, mixed).secret.reveal().slice(3, 33)).toBe('5'.repeat(30))
  })

  it('does not run for ever on a random source that is broken', () => {
    expect(() => formats.generate('live', (size) => new Uint8Array(size).fill(255))).toThrow('random source')
  })

  it('refuses an environment that parse would not accept', () => {
    expect(() => formats.generate('staging')).toThrow('staging')
    expect(() => formats.generate(null)).toThrow('environment')
  })

  it('stores the hash, the first twelve and the last four characters, and nothing else', () => {
    const { secret, stored } = formats.generate('live')
    const text = secret.reveal()
    expect(stored).toEqual({
      sha256: createHash('sha256').update(text).digest(),
      keyPrefix: text.slice(0, 12),
      keySuffix: text.slice(-4),
    })
    expect(JSON.stringify({ secret })).toBe('{"secret":"[secret]"}')
  })
})

describe('parse', () => {
  it('takes every key that generate makes, and gives its hash', () => {
    for (let round = 0; round < 500; round++) {
      const key = newKey(round % 2 ? 'live' : 'test')
      expect(formats.parse(key)?.sha256()).toEqual(createHash('sha256').update(key).digest())
    }
  })

  it('refuses a key in which any one character was changed', () => {
    const key = newKey()
    for (let at = 0; at < key.length; at++) {
      const other = key[at] === 'a' ? 'b' : 'a'
      expect(formats.parse(key.slice(0, at) + other + key.slice(at + 1)), `at ${at}`).toBeUndefined()
    }
  })

  it.each([
    ['nothing', () => ''],
    ['a blank in front', () => ` ${newKey()}`],
    ['a line end behind', () => `${newKey()}\n`],
    ['one character less', () => newKey().slice(0, -1)],
    ['one character more', () => `${newKey()}0`],
    ['an environment that is not configured', () => newKey().replace('sk_live_', 'sk_prod_')],
    ['no environment', () => newKey().replace('sk_live_', 'sk_')],
    ['another case', () => newKey().toUpperCase()],
    ['letters that are not ASCII', () => newKey().replace(/.{4}$/, 'ßßßß')],
    ['a percent-encoded form', () => newKey().replace('sk_', '%73k_')],
  ])('refuses %s', (_, text) => {
    expect(formats.parse(text())).toBeUndefined()
  })

  it('takes accepted formats by beginning, length and URL-safe characters alone', () => {
    expect(accepting.parse(`rfk_${'a-_.~9'.repeat(6)}`)).toBeDefined()
    expect(accepting.parse(`rfk_${'a'.repeat(35)}`)).toBeUndefined()
    expect(accepting.parse(`rfk_${'a'.repeat(37)}`)).toBeUndefined()
    expect(accepting.parse(`rfk_${'a'.repeat(35)}/`)).toBeUndefined()
    expect(accepting.parse(`sfk_${'a'.repeat(36)}`)).toBeUndefined()
  })

  it('does not print the key that it took', () => {
    expect(`${formats.parse(newKey())}`).toBe('[secret]')
  })
})

describe('containsKey and redact', () => {
  it('let ordinary paths, queries and user agents alone', () => {
    const texts = [
      '',
      '/api/v1/projects/42/runs',
      '/sk_live_/short',
      '?q=100%25&name=%E2%82%AC%20caf%C3%A9',
      '%',
      '%%%%2',
      'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36',
      `/sk_live_${'a'.repeat(35)}`,
      `/sk_prod_${'a'.repeat(36)}`,
      `/sk_live_${'a'.repeat(20)}/${'a'.repeat(20)}`,
      `/${'a'.repeat(400)}%2F`,
    ]
    for (const text of texts) {
      expect(formats.containsKey(text), text).toBe(false)
      expect(formats.redact(text)).toBe(text)
    }
  })

  it('see a key whose checksum is wrong: a typing mistake is still a secret', () => {
    expect(formats.containsKey(`/x/sk_live_${'a'.repeat(36)}`)).toBe(true)
    expect(formats.redact(`/x/sk_live_${'a'.repeat(36)}/y`)).toBe('/x/[secret]/y')
  })

  it('see a key wherever it stands, however each of its characters is encoded', () => {
    const rounds = fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 50 })
    const around = fc.string({ unit: fc.constantFrom(...'ab0%25/?&=._-sk é€'), maxLength: 60 })
    fc.assert(
      fc.property(around, around, rounds, fc.boolean(), (before, after, depths, lower) => {
        const key = newKey()
        const text = `${before}=${encode(key, depths, lower)}${after}`
        expect(formats.containsKey(text)).toBe(true)
        const redacted = formats.redact(text)
        expect(redacted).toContain('[secret]')
        expect(formats.containsKey(redacted)).toBe(false)
        let decoded = redacted
        for (let round = 0; round < 8; round++) {
          expect(decoded).not.toContain(key.slice(8))
          decoded = decoded.replace(/%([0-9a-f]{2})/gi, (_, hex: string) =>
            String.fromCharCode(Number.parseInt(hex, 16)),
          )
        }
      }),
      { numRuns: 500 },
    )
  })

  it('cut out exactly the encoded key and leave the rest as it came', () => {
    const key = newKey()
    const doubled = encode(key, [2, 0, 1], true)
    expect(formats.redact(`/a%20b?x=${doubled}&y=%7e`)).toBe('/a%20b?x=[secret]&y=%7e')
  })

  it('see a key that comes right behind an escape, also when it starts like one', () => {
    const key = `ab${'c'.repeat(22)}`
    for (const text of [`%${key}`, `%25${key}`, `%25${encode(key, [1], true)}`, `%2525${key}`]) {
      expect(accepting.containsKey(text), text).toBe(true)
    }
  })

  it('find every one of several keys, glued together or hidden behind a decoy', () => {
    const [first, second] = [newKey(), newKey('test')]
    expect(formats.redact(first + second)).toBe('[secret][secret]')
    expect(formats.redact(`${first},${second}`)).toBe('[secret],[secret]')
    // The decoy takes the first letters of the real key into its own body.
    const real = plain.generate(null).secret.reveal()
    const redacted = plain.redact(`ix_${'a'.repeat(34)}${real}`)
    expect(redacted).toBe('[secret]')
  })

  it('see accepted formats as well', () => {
    expect(accepting.redact(`x=rfk_${'a-'.repeat(18)}`)).toBe('x=[secret]')
  })

  it('take time in proportion to the text, whatever it holds', () => {
    const hostile = (size: number): string[] => [
      '%25'.repeat(size / 3),
      `%${'25'.repeat(size / 2)}`,
      `${'%25'.repeat(size / 6)}${'41'.repeat(size / 4)}`,
      'sk_live_'.repeat(size / 8),
      `sk_live_${'a'.repeat(35)}-`.repeat(size / 44),
      'ab'.repeat(size / 2),
    ]
    // 2 MB of each: what is quadratic would take minutes.
    for (const text of hostile(2_000_000)) expect(accepting.redact(text).length).toBeGreaterThan(0)
  })
})

describe('extract', () => {
  it('gives each genuine key once and nothing that parse refuses', () => {
    const [key, other] = [newKey(), newKey('test')]
    const text = `?a=${key}&b=${encode(key, [1], false)}&c=sk_live_${'a'.repeat(36)}&d=${other}`
    expect(formats.extract(text).map((found) => found.reveal())).toEqual([key, other])
  })

  it('gives at most twenty', () => {
    const text = Array.from({ length: 50 }, () => newKey()).join('/')
    expect(formats.extract(text)).toHaveLength(20)
  })
})
