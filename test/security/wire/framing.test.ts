import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startWatched, type Watched } from '../../helpers/oracles.ts'
import { chunked, expectRefused, forwarded, get, head, post } from './wire-cases.ts'

let watched: Watched

beforeAll(async () => {
  watched = await startWatched('  - { path: /api/*, upstream: api }', {
    top: 'timeouts: { head: 2s, body_idle: 1s, keep_alive: 1s }',
  })
})
afterAll(() => watched[Symbol.asyncDispose]())

type Case = readonly [what: string, bytes: string]

const end = '0\r\n\r\n'
const te = (value: string): string => `${post(`Transfer-Encoding:${value}`)}${end}`
const cl = (value: string): string => `${post(`Content-Length:${value}`)}ab`
/** Each way to say Transfer-Encoding so that some parser sees it and another does not. */
const transferEncodings: readonly Case[] = [
  ['in capitals', te(' CHUNKED')],
  ['with one capital', te(' Chunked')],
  ['with a trailing comma', te(' chunked,')],
  ['with a leading comma', te(' ,chunked')],
  ['with a trailing comma and space', te(' chunked, ')],
  ['twice in a list', te(' chunked, chunked')],
  ['twice in a list without a space', te(' chunked,chunked')],
  ['behind identity', te(' identity, chunked')],
  ['before identity', te(' chunked, identity')],
  ['behind gzip', te(' gzip, chunked')],
  ['before gzip', te(' chunked, gzip')],
  ['behind an unknown coding', te(' x, chunked')],
  ['identity', post('Transfer-Encoding: identity')],
  ['gzip', post('Transfer-Encoding: gzip')],
  ['deflate', post('Transfer-Encoding: deflate')],
  ['empty', post('Transfer-Encoding:')],
  ['of a space', post('Transfer-Encoding: ')],
  ['of a comma', te(' ,')],
  ['with a tab behind', te(' chunked\t')],
  ['with a letter before', te(' xchunked')],
  ['with a letter behind', te(' chunkedx')],
  ['cut short', te(' chunke')],
  ['with a hyphen', te(' chunk-ed')],
  ['with a parameter', te(' chunked;q=1')],
  ['with a parameter behind a space', te(' chunked ; a=b')],
  ['with a semicolon', te(' chunked;')],
  ['quoted', te(' "chunked"')],
  ['quoted singly', te(" 'chunked'")],
  ['with a comment', te(' chunked (really)')],
  ['with a colon', te(': chunked')],
  ['with an equals sign', te(' =chunked')],
  ['of two words', te(' chunked chunked')],
  ['behind a vertical tab', te(' \x0bchunked')],
  ['before a vertical tab', te(' chunked\x0b')],
  ['behind a form feed', te(' \x0cchunked')],
  ['before a form feed', te(' chunked\x0c')],
  ['behind NUL', te(' \0chunked')],
  ['before NUL', te(' chunked\0')],
  ['behind a backspace', te(' \x08chunked')],
  ['before DEL', te(' chunked\x7f')],
  ['behind a no-break space', te(' \xa0chunked')],
  ['before a no-break space', te(' chunked\xa0')],
  ['behind a byte order mark', te(' \xef\xbb\xbfchunked')],
  ['with a long s', te(' chun\xc5\xbfked')],
  ['with a Kelvin sign', te(' chun\xe2\x84\xaaed')],
  ['before a bare CR', te(' chunked\r')],
  ['behind a bare CR', te(' \rchunked')],
  ['before a bare LF', te(' chunked\n')],
  ['behind a bare LF', te('\nchunked')],
  ['folded', te('\r\n chunked')],
  ['folded with a tab', te('\r\n\tchunked')],
  ['folded behind', te(' chunked\r\n ')],
  ['folded and continued', te(' chunked\r\n , identity')],
  ['behind a field that folds', `${post('X-A: b', ' c', 'Transfer-Encoding: chunked')}${end}`],
  ['folded into the field before', `${post('X-A: b', ' Transfer-Encoding: chunked')}${end}`],
  ['with a space before the colon', `${post('Transfer-Encoding : chunked')}${end}`],
  ['with a tab before the colon', `${post('Transfer-Encoding\t: chunked')}${end}`],
  ['with a vertical tab before the colon', `${post('Transfer-Encoding\x0b: chunked')}${end}`],
  ['with NUL before the colon', `${post('Transfer-Encoding\0: chunked')}${end}`],
  ['with a line end before the colon', `${post('Transfer-Encoding\r\n: chunked')}${end}`],
  ['with a space in front', `${post('X-A: b', ' Transfer-Encoding: chunked', 'Content-Length: 5')}${end}`],
  ['with a space within', `${post('Transfer -Encoding: chunked')}${end}`],
  ['with a soft hyphen', `${post('Transfer\xadEncoding: chunked')}${end}`],
  ['behind a bare CR in a value', `${post('X-A: b\rTransfer-Encoding: chunked')}${end}`],
  ['behind a bare LF in a value', `${post('X-A: b\nTransfer-Encoding: chunked')}${end}`],
  ['behind a bare LF and NUL', `${post('X-A: b\n\0Transfer-Encoding: chunked')}${end}`],
  ['twice', `${post('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked')}${end}`],
  ['twice in different case', `${post('Transfer-Encoding: chunked', 'transfer-encoding: chunked')}${end}`],
  ['twice, the first identity', `${post('Transfer-Encoding: identity', 'Transfer-Encoding: chunked')}${end}`],
  ['twice, the second identity', `${post('Transfer-Encoding: chunked', 'TRANSFER-ENCODING: identity')}${end}`],
  ['twice, the first empty', `${post('Transfer-Encoding:', 'Transfer-Encoding: chunked')}${end}`],
  ['twice, the second empty', `${post('Transfer-Encoding: chunked', 'Transfer-Encoding:')}${end}`],
  ['twice, the second junk', `${post('Transfer-Encoding: chunked', 'Transfer-encoding: cow')}${end}`],
  ['far apart', `${post('Transfer-Encoding: chunked', 'X-A: b', 'X-B: c', 'transfer-encoding: chunked')}${end}`],
  ['on a GET, behind gzip', `${get('Transfer-Encoding: gzip, chunked')}${end}`],
  [
    'on OPTIONS',
    `${head('OPTIONS /api/x HTTP/1.1', '{host}', '{auth}', 'Transfer-Encoding: chunked, identity')}${end}`,
  ],
  ['in 1.0', `${head('POST /api/x HTTP/1.0', '{host}', '{auth}', 'Transfer-Encoding: chunked')}${end}`],
  [
    'in 1.0, with Content-Length',
    `${head('POST /api/x HTTP/1.0', '{host}', '{auth}', 'Transfer-Encoding: chunked', 'Content-Length: 5')}${end}`,
  ],
  ['in 1.0, junk', head('POST /api/x HTTP/1.0', '{host}', '{auth}', 'Transfer-Encoding: x')],
  [
    'in 1.0 with keep-alive',
    `${head('POST /api/x HTTP/1.0', '{host}', '{auth}', 'Connection: keep-alive', 'Transfer-Encoding: chunked')}${end}`,
  ],
]

const contentLengths: readonly Case[] = [
  ['with a plus', cl(' +2')],
  ['negative', cl(' -2')],
  ['minus nought', cl(' -0')],
  ['hexadecimal', cl(' 0x2')],
  ['hexadecimal without a prefix', cl(' a')],
  ['octal', cl(' 0o2')],
  ['binary', cl(' 0b10')],
  ['with a leading nought', cl(' 02')],
  ['of two noughts', cl(' 00')],
  ['with many leading noughts', cl(` ${'0'.repeat(30)}2`)],
  ['with a fraction', cl(' 2.0')],
  ['with a point', cl(' 2.')],
  ['with an exponent', cl(' 2e0')],
  ['with an underscore', cl(' 0_2')],
  ['with a thousands separator', cl(' 2,000')],
  ['as a list', cl(' 2, 2')],
  ['as a list without a space', cl(' 2,2')],
  ['as a list of two numbers', cl(' 2, 3')],
  ['with a trailing comma', cl(' 2,')],
  ['with a leading comma', cl(' ,2')],
  ['with a semicolon', cl(' 2;')],
  ['with a parameter', cl(' 2;q=1')],
  ['of two numbers', cl(' 2 2')],
  ['with a space within', cl(' 1 0')],
  ['with a tab within', cl(' 1\t0')],
  ['empty', post('Content-Length:')],
  ['of a space', post('Content-Length: ')],
  ['of a tab', post('Content-Length:\t')],
  ['in words', cl(' two')],
  ['not a number', cl(' NaN')],
  ['infinite', cl(' Infinity')],
  ['quoted', cl(' "2"')],
  ['quoted singly', cl(" '2'")],
  ['behind a vertical tab', cl(' \x0b2')],
  ['before a vertical tab', cl(' 2\x0b')],
  ['behind a form feed', cl(' \x0c2')],
  ['before a form feed', cl(' 2\x0c')],
  ['before NUL', cl(' 2\0')],
  ['behind NUL', cl(' \x002')],
  ['before a no-break space', cl(' 2\xa0')],
  ['in fullwidth digits', cl(' \xef\xbc\x92')],
  ['in Arabic digits', cl(' \xd9\xa2')],
  ['as a superscript', cl(' \xb2')],
  ['before a bare CR', cl(' 2\r')],
  ['before a bare LF', cl(' 2\n')],
  ['behind a bare LF', cl('\n2')],
  ['folded', cl('\r\n 2')],
  ['folded behind', cl(' 2\r\n ')],
  ['folded into another number', cl(' 2\r\n 0')],
  ['of 2^31', `${post('Content-Length: 2147483648 0')}ab`],
  ['of 2^53', cl(' 9007199254740993')],
  ['of 2^63', cl(' 9223372036854775808')],
  ['of 2^64', cl(' 18446744073709551616')],
  ['of 2^64 and two', cl(' 18446744073709551618')],
  ['of 2^128', cl(' 340282366920938463463374607431768211456')],
  ['of a thousand digits', cl(` ${'9'.repeat(1000)}`)],
  ['twice, the same', `${post('Content-Length: 2', 'Content-Length: 2')}ab`],
  ['twice, different', `${post('Content-Length: 2', 'Content-Length: 3')}abc`],
  ['twice in different case', `${post('Content-Length: 2', 'content-length: 2')}ab`],
  ['twice, the first nought', `${post('Content-Length: 0', 'Content-Length: 2')}ab`],
  ['twice, the second nought', `${post('Content-Length: 2', 'Content-Length: 0')}ab`],
  ['twice, the first empty', `${post('Content-Length:', 'Content-Length: 2')}ab`],
  ['twice, the second empty', `${post('Content-Length: 2', 'Content-Length:')}ab`],
  ['twice, the first junk', `${post('Content-Length: x', 'Content-Length: 2')}ab`],
  ['three times', `${post('Content-Length: 2', 'Content-Length: 2', 'Content-Length: 2')}ab`],
  ['far apart', `${post('Content-Length: 2', 'X-A: b', 'X-B: c', 'Content-Length: 2')}ab`],
  ['twice on a GET', `${get('Content-Length: 2', 'Content-Length: 2')}ab`],
  ['twice on a GET, nought', get('Content-Length: 0', 'Content-Length: 0')],
  ['twice in 1.0', `${head('POST /api/x HTTP/1.0', '{host}', '{auth}', 'Content-Length: 2', 'Content-Length: 2')}ab`],
  ['junk in 1.0', `${head('POST /api/x HTTP/1.0', '{host}', '{auth}', 'Content-Length: 2x')}ab`],
  ['with a space before the colon', `${post('Content-Length : 2')}ab`],
  ['with a tab before the colon', `${post('Content-Length\t: 2')}ab`],
  ['with NUL before the colon', `${post('Content-Length\0: 2')}ab`],
  ['with a space in front', `${post('X-A: b', ' Content-Length: 2')}ab`],
  ['with a space within the name', `${post('Content -Length: 2')}ab`],
]

const both: readonly Case[] = [
  ['Content-Length first', `${post('Content-Length: 5', 'Transfer-Encoding: chunked')}${end}`],
  ['Transfer-Encoding first', `${post('Transfer-Encoding: chunked', 'Content-Length: 5')}${end}`],
  ['Content-Length: 0 first', `${post('Content-Length: 0', 'Transfer-Encoding: chunked')}${end}`],
  ['Content-Length: 0 behind', `${post('Transfer-Encoding: chunked', 'Content-Length: 0')}${end}`],
  ['on a GET', `${get('Content-Length: 0', 'Transfer-Encoding: chunked')}${end}`],
  ['on a GET, the other way', `${get('Transfer-Encoding: chunked', 'Content-Length: 0')}${end}`],
  [
    'on a DELETE',
    `${head('DELETE /api/x HTTP/1.1', '{host}', '{auth}', 'Content-Length: 5', 'Transfer-Encoding: chunked')}${end}`,
  ],
  ['an empty Transfer-Encoding', `${post('Content-Length: 2', 'Transfer-Encoding:')}ab`],
  ['Transfer-Encoding: identity', `${post('Content-Length: 2', 'Transfer-Encoding: identity')}ab`],
  ['an empty Content-Length', `${post('Content-Length:', 'Transfer-Encoding: chunked')}${end}`],
  ['a Content-Length in words', `${post('Transfer-Encoding: chunked', 'Content-Length: none')}${end}`],
  ['two lengths and a coding', `${post('Content-Length: 5', 'Transfer-Encoding: chunked', 'Content-Length: 5')}${end}`],
  ['a coding with a space before the colon', `${post('Content-Length: 5', 'Transfer-Encoding : chunked')}${end}`],
  ['a coding behind a vertical tab', `${post('Content-Length: 5', 'Transfer-Encoding: \x0bchunked')}${end}`],
  ['a length with a space before the colon', `${post('Content-Length : 5', 'Transfer-Encoding: chunked')}${end}`],
  ['a coding behind a bare LF', `${post('Content-Length: 5\nTransfer-Encoding: chunked')}${end}`],
  ['a coding behind a bare CR', `${post('Content-Length: 5\rTransfer-Encoding: chunked')}${end}`],
  ['a folded coding', `${post('Content-Length: 5', 'Transfer-Encoding:', ' chunked')}${end}`],
  [
    'Connection that names the length',
    `${post('Connection: Content-Length', 'Content-Length: 5', 'Transfer-Encoding: chunked')}${end}`,
  ],
  [
    'Connection that names the coding',
    `${post('Connection: Transfer-Encoding', 'Content-Length: 5', 'Transfer-Encoding: chunked')}${end}`,
  ],
  [
    'the two in 1.0',
    `${head('POST /api/x HTTP/1.0', '{host}', '{auth}', 'Content-Length: 5', 'Transfer-Encoding: chunked')}${end}`,
  ],
]

/** Bodies that are no chunks to the letter of RFC 9112 section 7.1. */
const chunks: readonly Case[] = [
  ['a size with 0x', '0x5\r\nhello\r\n0\r\n\r\n'],
  ['a size with 0X', '0X5\r\nhello\r\n0\r\n\r\n'],
  ['a size with a plus', '+5\r\nhello\r\n0\r\n\r\n'],
  ['a negative size', '-1\r\nhello\r\n0\r\n\r\n'],
  ['a size of minus nought', '-0\r\n\r\n'],
  ['a space before the size', ' 5\r\nhello\r\n0\r\n\r\n'],
  ['a tab before the size', '\t5\r\nhello\r\n0\r\n\r\n'],
  ['a space behind the size', '5 \r\nhello\r\n0\r\n\r\n'],
  ['a tab behind the size', '5\t\r\nhello\r\n0\r\n\r\n'],
  ['a vertical tab behind the size', '5\x0b\r\nhello\r\n0\r\n\r\n'],
  ['NUL behind the size', '5\0\r\nhello\r\n0\r\n\r\n'],
  ['an empty size', '\r\nhello\r\n0\r\n\r\n'],
  ['a size in letters', 'five\r\nhello\r\n0\r\n\r\n'],
  ['a size that turns into letters', '5g\r\nhello\r\n0\r\n\r\n'],
  ['a size with a fraction', '5.0\r\nhello\r\n0\r\n\r\n'],
  ['a size with a comma', '5,5\r\nhello\r\n0\r\n\r\n'],
  ['a size with an underscore', '0_5\r\nhello\r\n0\r\n\r\n'],
  ['a quoted size', '"5"\r\nhello\r\n0\r\n\r\n'],
  ['a fullwidth size', '\xef\xbc\x95\r\nhello\r\n0\r\n\r\n'],
  ['a size of 2^64 and five', '10000000000000005\r\nhello\r\n0\r\n\r\n'],
  ['a size of 2^64', '10000000000000000\r\nhello\r\n0\r\n\r\n'],
  ['a size of 2^64 less one', 'ffffffffffffffff\r\nhello\r\n0\r\n\r\n'],
  ['a size of 2^63', '8000000000000000\r\nhello\r\n0\r\n\r\n'],
  ['a size of a hundred digits', `${'f'.repeat(100)}\r\nhello\r\n0\r\n\r\n`],
  ['a size line that ends in LF', '5\nhello\r\n0\r\n\r\n'],
  ['a size line that ends in CR', '5\rhello\r\n0\r\n\r\n'],
  ['a size line that ends in CR CR LF', '5\r\r\nhello\r\n0\r\n\r\n'],
  ['a size line that ends in LF CR', '5\n\rhello\r\n0\r\n\r\n'],
  ['no line end behind the data', '5\r\nhello0\r\n\r\n'],
  ['LF behind the data', '5\r\nhello\n0\r\n\r\n'],
  ['CR behind the data', '5\r\nhello\r0\r\n\r\n'],
  ['CR CR LF behind the data', '5\r\nhello\r\r\n0\r\n\r\n'],
  ['two characters more than the size', '5\r\nhelloxx0\r\n\r\n'],
  ['a byte more than the size', '5\r\nhello!\r\n0\r\n\r\n'],
  ['a chunk longer than its size', '3\r\nhello\r\n0\r\n\r\n'],
  ['an empty line more behind the data', '5\r\nhello\r\n\r\n0\r\n\r\n'],
  ['an end whose line ends in LF', '5\r\nhello\r\n0\n\r\n'],
  ['an end in bare LFs', '5\r\nhello\r\n0\n\n'],
  ['an end in LF behind CRLF', '5\r\nhello\r\n0\r\n\n'],
  ['an end with 0x', '5\r\nhello\r\n0x0\r\n\r\n'],
  ['an end with a minus', '5\r\nhello\r\n-0\r\n\r\n'],
  ['an end with a space before', '5\r\nhello\r\n 0\r\n\r\n'],
  ['a bare CR in an extension', '5;a\rb\r\nhello\r\n0\r\n\r\n'],
  ['a bare LF in an extension', '5;a\nb\r\nhello\r\n0\r\n\r\n'],
  ['a line end in LF behind an extension', '5;a\nhello\r\n0\r\n\r\n'],
  ['an empty extension and LF', '5;\nhello\r\n0\r\n\r\n'],
  ['NUL in an extension', '5;a\0\r\nhello\r\n0\r\n\r\n'],
  ['a control byte in an extension', '5;a=\x01\r\nhello\r\n0\r\n\r\n'],
  ['a byte above 127 in an extension', '5;a=\xe4\r\nhello\r\n0\r\n\r\n'],
  ['a line end in a quoted extension', '5;a="\r\n"\r\nhello\r\n0\r\n\r\n'],
  ['a bare LF in a quoted extension', '5;a="\n"\r\nhello\r\n0\r\n\r\n'],
  ['a bare CR in a quoted extension', '5;a="\r"\r\nhello\r\n0\r\n\r\n'],
  ['an escaped line end in a quoted extension', '5;a="\\\r\n"\r\nhello\r\n0\r\n\r\n'],
  ['a quote that never ends', '5;a="b\r\nhello\r\n0\r\n\r\n'],
  ['a space before an extension', '5 ;a\r\nhello\r\n0\r\n\r\n'],
  ['a tab before an extension', '5\t;a\r\nhello\r\n0\r\n\r\n'],
  ['an extension without a semicolon', '5 a=b\r\nhello\r\n0\r\n\r\n'],
  ['an extension without a name', '5;=b\r\nhello\r\n0\r\n\r\n'],
  ['an extension in front', ';a\r\nhello\r\n0\r\n\r\n'],
  ['a bare LF between trailers', '5\r\nhello\r\n0\r\nX-A: b\nX-B: c\r\n\r\n'],
  ['a bare CR in a trailer', '5\r\nhello\r\n0\r\nX-A: b\rX-B: c\r\n\r\n'],
  ['NUL in a trailer', '5\r\nhello\r\n0\r\nX-A: b\0\r\n\r\n'],
  ['a folded trailer', '5\r\nhello\r\n0\r\nX-A: b\r\n c\r\n\r\n'],
  ['a trailer with a space before the colon', '5\r\nhello\r\n0\r\nX-A : b\r\n\r\n'],
  ['a trailer without a colon', '5\r\nhello\r\n0\r\nX-A\r\n\r\n'],
  ['a trailer without a name', '5\r\nhello\r\n0\r\n: b\r\n\r\n'],
  ['a trailer with a space in front', '5\r\nhello\r\n0\r\n X-A: b\r\n\r\n'],
  ['a request in the place of the trailers', '5\r\nhello\r\n0\r\nGET /api/hidden HTTP/1.1\r\n\r\n'],
  ['Content-Length as a trailer', '5\r\nhello\r\n0\r\nContent-Length: 50\r\n\r\n'],
  ['Transfer-Encoding as a trailer', '5\r\nhello\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n'],
]

describe.each([
  ['Transfer-Encoding', transferEncodings],
  ['Content-Length', contentLengths],
  ['Content-Length and Transfer-Encoding:', both],
  ['chunks:', chunks.map(([what, body]) => [what, chunked(body)] as const)],
] as const)('%s', (_class, cases) => {
  it.each(cases)('%s is 400, whole or byte by byte', async (_what, bytes) => {
    await expectRefused(watched, bytes)
    await expectRefused(watched, bytes, 400, 'BAD_REQUEST', { split: true })
  })
})

describe('what is in order is forwarded in one form, however it came', () => {
  const body = 'hello'
  it.each([
    ['plainly', chunked('5\r\nhello\r\n0\r\n\r\n'), body],
    ['in several chunks', chunked('2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n'), body],
    ['with noughts before the size', chunked('0005\r\nhello\r\n000\r\n\r\n'), body],
    ['with a size in capitals', chunked(`A\r\n${'a'.repeat(10)}\r\n0\r\n\r\n`), 'a'.repeat(10)],
    ['with a size in small letters', chunked(`a\r\n${'a'.repeat(10)}\r\n0\r\n\r\n`), 'a'.repeat(10)],
    ['with an extension', chunked('5;a\r\nhello\r\n0\r\n\r\n'), body],
    ['with an extension that has a value', chunked('5;a=b\r\nhello\r\n0;c=d\r\n\r\n'), body],
    ['with a quoted extension', chunked('5;a="b c"\r\nhello\r\n0\r\n\r\n'), body],
    ['with trailers', chunked('5\r\nhello\r\n0\r\nX-A: b\r\n\r\n'), body],
    ['with trailers that are ours', chunked('5\r\nhello\r\n0\r\nX-Org-Id: evil\r\nX_Key_Id: evil\r\n\r\n'), body],
    [
      'with Host and Authorization as trailers',
      chunked('5\r\nhello\r\n0\r\nHost: evil\r\nAuthorization: Bearer x\r\n\r\n'),
      body,
    ],
    ['without data', chunked('0\r\n\r\n'), ''],
    [
      'with data that looks like a request',
      chunked(`21\r\n0\r\n\r\nGET /api/hidden HTTP/1.1\r\n\r\n\r\n0\r\n\r\n`),
      '0\r\n\r\nGET /api/hidden HTTP/1.1\r\n\r\n',
    ],
    ['with spaces before the coding', `${post('Transfer-Encoding: \t chunked')}5\r\nhello\r\n0\r\n\r\n`, body],
    ['with a space behind the coding', `${post('Transfer-Encoding: chunked ')}5\r\nhello\r\n0\r\n\r\n`, body],
    ['with no space before the coding', `${post('Transfer-Encoding:chunked')}5\r\nhello\r\n0\r\n\r\n`, body],
    ['with the name in capitals', `${post('TRANSFER-ENCODING: chunked')}5\r\nhello\r\n0\r\n\r\n`, body],
    [
      'with Connection that names the coding',
      `${post('Connection: Transfer-Encoding', 'Transfer-Encoding: chunked')}5\r\nhello\r\n0\r\n\r\n`,
      body,
    ],
  ])('chunked, %s', async (_what, bytes, content) => {
    for (const split of [false, true]) {
      const { heads, bodies, outcome } = await forwarded(watched, bytes, { split })
      expect(outcome.responses.map(({ status }) => status)).toEqual([200])
      expect(bodies).toEqual([content])
      expect(heads[0]).toMatch(/^POST \/api\/x HTTP\/1\.1\r\n/)
      // One framing, whichever: of a body that has come whole already the length is known.
      expect(heads[0]?.match(/\r\n(?:transfer-encoding: chunked|content-length: \d+)\r\n/gi)).toHaveLength(1)
      expect(heads[0]).not.toMatch(/trailer|evil|;/i)
    }
  })

  it.each([
    ['plainly', `${post('Content-Length: 5')}hello`],
    ['with spaces and tabs around the number', `${post('Content-Length: \t 5 \t ')}hello`],
    ['with no space before the number', `${post('Content-Length:5')}hello`],
    ['with the name in capitals', `${post('CONTENT-LENGTH: 5')}hello`],
    ['with Connection that names it', `${post('Connection: Content-Length', 'Content-Length: 5')}hello`],
    [
      'with Connection that names it and closes',
      `${post('Connection: close, content-length', 'Content-Length: 5')}hello`,
    ],
    ['beside a look-alike of Transfer-Encoding', `${post('Content-Length: 5', 'Transfer_Encoding: chunked')}hello`],
    ['beside another look-alike', `${post('Content-Length: 5', 'Transfer.Encoding: chunked')}hello`],
    ['beside a look-alike of itself', `${post('Content-Length: 5', 'Content_Length: 50')}hello`],
    ['beside TE', `${post('Content-Length: 5', 'TE: chunked')}hello`],
  ])('with a length, %s', async (_what, bytes) => {
    for (const split of [false, true]) {
      const { heads, bodies, outcome } = await forwarded(watched, bytes, { split })
      expect(outcome.responses.map(({ status }) => status)).toEqual([200])
      expect(bodies).toEqual(['hello'])
      expect(heads[0]).toMatch(/\r\ncontent-length: 5\r\n/i)
      expect(heads[0]).not.toMatch(/transfer.encoding|content_length/i)
    }
  })
})
