import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalPath, decodeSegment } from '../../src/path.ts'

describe('canonicalPath', () => {
  it.each([
    ['/'],
    ['/a'],
    ['/a/'],
    ['/a/b.c/~d/...'],
    ["/!$&'()*+,=:@-._~"],
    ['/.a/a./..a'],
    ['/caf%C3%A9'],
    ['/a%20b'],
    ['/100%25'],
    ['/%25zz'],
    ['/%F0%9F%98%80'],
  ])('keeps %s, which is canonical', (path) => {
    expect(canonicalPath(path)).toBe(path)
  })

  it.each([
    ['/%61%62', '/ab'],
    ['/%7Euser', '/~user'],
    ['/%7euser', '/~user'],
    ['/caf%c3%a9', '/caf%C3%A9'],
    ['/a%3Ab%40c', '/a:b@c'],
    ['/%2Aa%2b', '/*a+'],
    ['/"<>^`{|}[]', '/%22%3C%3E%5E%60%7B%7C%7D%5B%5D'],
    ['/%22%3c%3e%5e%60%7b%7c%7d%5b%5d', '/%22%3C%3E%5E%60%7B%7C%7D%5B%5D'],
    ['/a%2Eb', '/a.b'],
    ['/%2e%2e%2e', '/...'],
    ['/x%25', '/x%25'],
    ['/%25%7ax', '/%25zx'],
  ])('brings %s to the one form %s', (raw, canonical) => {
    expect(canonicalPath(raw)).toBe(canonical)
  })

  it.each([
    ['', 'an empty path'],
    ['*', 'asterisk form'],
    ['a', 'no leading slash'],
    ['a%41', 'no leading slash, with an escape'],
    ['/.', 'a dot segment'],
    ['/..', 'a dot segment'],
    ['/a/./b', 'a dot segment'],
    ['/a/../b', 'a dot segment'],
    ['/a/..', 'a dot segment at the end'],
    ['/a/../', 'a dot segment before a final slash'],
    ['/%2e', 'an encoded dot segment'],
    ['/a/%2E%2e/b', 'an encoded dot segment'],
    ['/a/.%2e', 'a half-encoded dot segment'],
    ['//', 'an empty segment'],
    ['//a', 'an empty segment'],
    ['/a//b', 'an empty segment'],
    ['/a//', 'an empty segment at the end'],
    ['/a\\b', 'a backslash'],
    ['/a%5Cb', 'an encoded backslash'],
    ['/a%5cb', 'an encoded backslash'],
    ['/a%2Fb', 'an encoded slash'],
    ['/a%2fb', 'an encoded slash'],
    ['/a?b', 'a raw question mark'],
    ['/a%3Fb', 'an encoded question mark'],
    ['/a#b', 'a fragment'],
    ['/a%23b', 'an encoded #'],
    ['/a%00', 'NUL'],
    ['/a\0', 'raw NUL'],
    ['/a%0d%0a', 'CR LF'],
    ['/a%1f', 'a control character'],
    ['/a%7F', 'DEL'],
    ['/a\x7f', 'raw DEL'],
    ['/a%C2%80', 'the first C1 control'],
    ['/a%C2%9F', 'the last C1 control'],
    ['/a%C2%85', 'NEL'],
    ['/a;b', 'a path parameter'],
    ['/a%3Bb', 'an encoded path parameter'],
    ['/a;', 'an empty path parameter'],
    ['/%2541', 'a double encoding'],
    ['/%252e%252e', 'a double encoding of a dot segment'],
    ['/%25%34%31', 'a double encoding that comes to be by decoding'],
    ['/%%32%35', 'a broken escape'],
    ['/%25%2541', 'a double encoding behind another %'],
    ['/%', 'a broken escape'],
    ['/%4', 'a broken escape'],
    ['/%4/', 'a broken escape'],
    ['/%zz', 'a broken escape'],
    ['/%u0041', 'a broken escape'],
    ['/%0', 'a broken escape'],
    ['/ a', 'a raw space'],
    ['/\t', 'a raw tab'],
    ['/%25u002e%25u002e/admin', 'an escape of another kind, encoded'],
    ['/caf\u00e9', 'raw non-ASCII'],
    ['/\u4e2d', 'raw non-ASCII beyond a byte'],
    ['/%C3', 'a cut UTF-8 sequence'],
    ['/%C3/%A9', 'a UTF-8 sequence over two segments'],
    ['/%C3a', 'a cut UTF-8 sequence'],
    ['/%E4%B8', 'a cut UTF-8 sequence'],
    ['/%A9', 'a lone continuation byte'],
    ['/%C0%AF', 'an overlong slash'],
    ['/%C1%81', 'an overlong A'],
    ['/%E0%80%AF', 'an overlong slash in three bytes'],
    ['/%E0%9F%BF', 'an overlong form in three bytes'],
    ['/%F0%80%80%AF', 'an overlong slash in four bytes'],
    ['/%F0%8F%BF%BF', 'an overlong form in four bytes'],
    ['/%ED%A0%80', 'a surrogate'],
    ['/%ED%BF%BF', 'a surrogate'],
    ['/%F4%90%80%80', 'a character above U+10FFFF'],
    ['/%F5%80%80%80', 'a byte that UTF-8 has not'],
    ['/%FF', 'a byte that UTF-8 has not'],
  ])('refuses %j: %s', (raw) => {
    expect(canonicalPath(raw)).toBeUndefined()
  })

  it('takes every character above C1 in its UTF-8 form, as decodeURIComponent reads it', () => {
    for (let point = 0xa0; point <= 0x10ffff; point += point < 0x3000 ? 1 : 257) {
      if (point >= 0xd800 && point <= 0xdfff) continue
      const path = `/${encodeURIComponent(String.fromCodePoint(point))}`
      if (canonicalPath(path.toLowerCase()) !== path) expect.fail(`U+${point.toString(16)}`)
    }
  })

  it('says yes to a sequence of bytes exactly when a strict UTF-8 decoder does', () => {
    const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
    const bytes = fc.uint8Array({ min: 0x80, max: 0xff, minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(bytes, (sequence) => {
        let valid: boolean
        try {
          valid = !/[\x80-\x9f]/.test(strict.decode(sequence))
        } catch {
          valid = false
        }
        const path = `/${Array.from(sequence, (byte) => `%${byte.toString(16)}`).join('')}`
        expect(canonicalPath(path) !== undefined).toBe(valid)
      }),
      { numRuns: 2000 },
    )
  })

  it('is a fixed point, and one path to every interpreter that an upstream may be', () => {
    fc.assert(
      fc.property(anyPath, (raw) => {
        const path = canonicalPath(raw)
        if (path === undefined) return
        expect(canonicalPath(path)).toBe(path)
        const meant = path.split('/').map(decodeSegment).join('/')
        for (const [name, read] of Object.entries(interpreters)) expect([name, read(path)]).toEqual([name, meant])
      }),
      { numRuns: 20_000 },
    )
  })

  it('answers a long hostile path in linear time', () => {
    const start = performance.now()
    for (const part of ['/a', '/%61', '/..a', '%61', '/%C3%A9', 'a']) {
      canonicalPath(`/${part.repeat(20_000)}/../x`)
      canonicalPath(`/${part.repeat(20_000)}\\`)
    }
    expect(performance.now() - start).toBeLessThan(1000)
  })
})

describe('decodeSegment', () => {
  it('gives the text that a canonical segment stands for', () => {
    expect(decodeSegment('caf%C3%A9%20100%25')).toBe('café 100%')
    expect(decodeSegment('a+b')).toBe('a+b')
  })
})

const piece = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...'abAB01./.%-+:@!', '/', '/') },
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 255 }).map((byte) => `%${byte.toString(16).padStart(2, '0')}`) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      '%2e',
      '%2E',
      '%2f',
      '%5c',
      '%25',
      '%32',
      '%35',
      '%3b',
      '%c3%A9',
      '%20',
      '..',
      '\\',
      ';',
    ),
  },
  { weight: 1, arbitrary: fc.string({ minLength: 1, maxLength: 1 }) },
)
const anyPath = fc.array(piece, { maxLength: 12 }).map((pieces) => `/${pieces.join('')}`)

/** Decodes what is a valid escape and leaves the rest, as lenient servers do. */
const lenient = (text: string): string =>
  Buffer.from(
    text.replace(/%([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  ).toString()

const removeDots = (path: string): string => {
  const kept: string[] = []
  for (const segment of path.split('/')) {
    if (segment === '..') kept.pop()
    else if (segment !== '.') kept.push(segment)
  }
  return kept.join('/')
}

/** How servers read a path, each as text. A path is safe when they all come to the same. */
const interpreters: Record<string, (path: string) => string> = {
  literal: (path) => path.split('/').map(decodeSegment).join('/'),
  'RFC 3986 by the URL parser': (path) => lenient(new URL(`http://h${path}`).pathname),
  'decode, remove dots, merge slashes': (path) => removeDots(lenient(path)).replace(/\/+/g, '/'),
  'decode twice': (path) => {
    // The first pass gives bytes; a second one finds nothing more to decode.
    const once = lenient(path)
    return once.replace(/%([0-9a-f]{2})/gi, '(decoded again)')
  },
  'cut parameters at ;': (path) => lenient(path).replace(/;[^/]*/g, ''),
  'backslash as slash': (path) => removeDots(lenient(path).replace(/\\/g, '/')),
  'cut at NUL, ? and #': (path) => lenient(path).replace(/[\0?#].*$/s, ''),
}
