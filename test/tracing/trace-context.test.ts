import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readTraceContext, readTracestate } from '../../src/tracing/trace-context.ts'

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
const spanId = '00f067aa0ba902b7'
const good = `00-${traceId}-${spanId}-01`

/** The recommendation once more, in another way: by places, not by a pattern. */
function isValid(text: string): boolean {
  const hex = (part: string, length: number) => part.length === length && [...part].every((c) => /[0-9a-f]/.test(c))
  const [version = '', trace = '', parent = '', flags = '', ...rest] = text.split('-')
  if (!hex(version, 2) || version === 'ff' || !hex(trace, 32) || !hex(parent, 16) || !hex(flags, 2)) return false
  if (/^0+$/.test(trace) || /^0+$/.test(parent)) return false
  return version === '00' ? rest.length === 0 : !text.includes(',')
}

const digits = (length: number) =>
  fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: length, maxLength: length })

describe('traceparent', () => {
  it('is read as it is: ids, flags, and the text that goes on unchanged', () => {
    expect(readTraceContext(good, undefined)).toEqual({
      ...{ traceId, parentId: spanId, flags: 1, traceparent: good, tracestate: undefined },
    })
    const other = `00-${traceId}-${spanId}-fe`
    expect(readTraceContext(other, undefined)).toMatchObject({ flags: 0xfe, traceparent: other })
  })

  it.each([
    ['in capitals', good.toUpperCase()],
    ['one capital', good.replace('f', 'F')],
    ['an empty one', ''],
    ['a trace id of zeros', `00-${'0'.repeat(32)}-${spanId}-01`],
    ['a span id of zeros', `00-${traceId}-${'0'.repeat(16)}-01`],
    ['version ff', good.replace(/^00/, 'ff')],
    ['a digit too few', good.slice(0, -1)],
    ['a digit too many', `${good}0`],
    ['more behind version 00', `${good}-more`],
    ['a dash behind version 00', `${good}-`],
    ['two of them in a list', `${good},${good}`],
    ['two of a later version in a list', `cc${good.slice(2)}-a,cc${good.slice(2)}-b`],
    ['a space before', ` ${good}`],
    ['a line behind', `${good}\n`],
    ['no dash behind the flags of a later version', `cc${good.slice(2)}.more`],
    ['one character as version', `0-${traceId}-${spanId}-01`],
    ['a letter that is no digit', good.replace('4', 'g')],
    ['other dashes', good.replaceAll('-', '_')],
  ])('is nothing: %s', (_, text) => {
    expect(isValid(text)).toBe(false)
    expect(readTraceContext(text, 'a=1')).toBeUndefined()
  })

  it('of a later version goes on as version 00 with the flag that is known', () => {
    for (const text of [`cc-${traceId}-${spanId}-ff`, `01-${traceId}-${spanId}-01-what-the-future-will-be-like`]) {
      expect(readTraceContext(text, undefined)).toMatchObject({
        traceId,
        parentId: spanId,
        flags: 1,
        traceparent: good,
      })
    }
    expect(readTraceContext(`cc-${traceId}-${spanId}-fe-`, undefined)).toMatchObject({
      traceparent: `00-${traceId}-${spanId}-00`,
    })
  })

  it('is taken exactly where the grammar takes it, however it was bent', () => {
    const parts = fc.tuple(
      fc.oneof({ weight: 3, arbitrary: fc.constant('00') }, digits(2)),
      fc.oneof({ weight: 5, arbitrary: digits(32) }, fc.constant('0'.repeat(32)), digits(31)),
      fc.oneof({ weight: 5, arbitrary: digits(16) }, fc.constant('0'.repeat(16)), digits(17)),
      digits(2),
      fc.oneof(
        { weight: 3, arbitrary: fc.constant('') },
        fc.string({ maxLength: 6 }).map((text) => `-${text}`),
      ),
    )
    const bent = fc.tuple(
      parts.map(([version, trace, parent, flags, rest]) => `${version}-${trace}-${parent}-${flags}${rest}`),
      fc.option(fc.tuple(fc.nat(54), fc.string({ maxLength: 2 })), { freq: 3 }),
    )
    fc.assert(
      fc.property(bent, ([text, change]) => {
        const sent = change === null ? text : text.slice(0, change[0]) + change[1] + text.slice(change[0] + 1)
        const read = readTraceContext(sent, undefined)
        expect(read !== undefined).toBe(isValid(sent))
        if (read === undefined) return
        expect(isValid(read.traceparent)).toBe(true)
        expect(read.traceparent.slice(0, 53)).toBe(`00${sent.slice(2, 53)}`)
        if (sent.startsWith('00-')) expect(read.traceparent).toBe(sent)
      }),
      { numRuns: 3000 },
    )
  })
})

describe('tracestate', () => {
  it.each([
    ['one member', 'congo=t61rcWkgMzE', 'congo=t61rcWkgMzE'],
    ['several, in their order', 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE', 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE'],
    ['empty members and spaces between', 'a=1 ,\t,, b=2', 'a=1,b=2'],
    ['a tenant', 'fw529a3039@dt=FfMZMh', 'fw529a3039@dt=FfMZMh'],
    ['spaces inside a value', 'a=b c', 'a=b c'],
  ])('goes on: %s', (_, sent, passed) => {
    expect(readTracestate(sent)).toBe(passed)
    expect(readTraceContext(good, sent)?.tracestate).toBe(passed)
  })

  it.each([
    ['nothing', ''],
    ['commas alone', ',,'],
    ['no equals sign', 'foo'],
    ['two equals signs', 'a=b=c'],
    ['capitals in a key', 'FOO=1'],
    ['a point in a key', 'foo.bar=1'],
    ['a space behind a key', 'foo =1'],
    ['an empty key', '=1'],
    ['an empty value', 'foo='],
    ['a tenant without a system', 'foo@=1'],
    ['a system without a tenant', '@foo=1'],
    ['two systems', 'foo@bar@baz=1'],
    ['a system that is too long', 'foo@bbbbbbbbbbbbbbb=1'],
    ['a key twice', 'a=1,a=2'],
    ['characters beyond ASCII', 'a=\u00e9'],
    ['a key that is too long', `${'a'.repeat(257)}=1`],
    ['a value that is too long', `a=${'v'.repeat(257)}`],
    ['33 members', Array.from({ length: 33 }, (_, index) => `k${index}=1`).join()],
    ['more than any could be', 'a=1,'.repeat(9000)],
  ])('is nothing, and leaves traceparent as it is: %s', (_, sent) => {
    expect(readTracestate(sent)).toBeUndefined()
    expect(readTraceContext(good, sent)).toMatchObject({ traceparent: good, tracestate: undefined })
  })

  it('that is too long loses its long members first, then the oldest', () => {
    const long = `long=${'v'.repeat(150)}`
    const short = Array.from({ length: 10 }, (_, index) => `k${index}=${'v'.repeat(50)}`)
    expect(readTracestate([...short.slice(0, 5), long, ...short.slice(5)].join())).toBe(short.slice(0, 9).join())
    expect(readTracestate(short.slice(0, 6).join())).toBe(short.slice(0, 6).join())
    const all = Array.from({ length: 32 }, (_, index) => `k${index}=1`).join()
    expect(readTracestate(all)).toBe(all)
  })

  it('stays within its bounds, is some of what was sent in its order, and means the same when it is read again', () => {
    const member = fc.oneof(
      {
        weight: 8,
        arbitrary: fc
          .tuple(digits(3), fc.string({ minLength: 1, maxLength: 200 }))
          .map(([key, value]) => `a${key}=${value}`),
      },
      fc.string({ maxLength: 20 }),
    )
    fc.assert(
      fc.property(fc.array(member, { maxLength: 36 }), (members) => {
        const read = readTracestate(members.join(','))
        if (read === undefined) return
        const passed = read.split(',')
        expect(read.length).toBeLessThanOrEqual(512)
        expect(passed.length).toBeLessThanOrEqual(32)
        const sent = members
          .join(',')
          .split(',')
          .map((text) => text.trim())
        let from = 0
        for (const text of passed) {
          from = sent.indexOf(text, from) + 1
          expect(from).toBeGreaterThan(0)
        }
        expect(readTracestate(read)).toBe(read)
      }),
      { numRuns: 2000 },
    )
  })

  it('takes no longer for what is made to be slow', () => {
    const started = performance.now()
    for (const text of [
      `a=${' '.repeat(16_000)}`,
      `${' '.repeat(16_000)}a`,
      `${'a'.repeat(16_000)}=`,
      'a@'.repeat(8000),
    ]) {
      expect(readTracestate(text)).toBeUndefined()
    }
    expect(performance.now() - started).toBeLessThan(100)
  })
})
