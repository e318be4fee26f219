import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startWatched, type Watched } from '../../helpers/oracles.ts'
import { expectProblem } from '../../helpers/problem.ts'
import { expectRefused, forwarded, get, head, hosted, line, smuggled } from './wire-cases.ts'

let watched: Watched

beforeAll(async () => {
  watched = await startWatched('  - { path: /api/*, upstream: api }', {
    top: 'timeouts: { head: 1s, body_idle: 1s, keep_alive: 1s }',
  })
})
afterAll(() => watched[Symbol.asyncDispose]())

type Case = readonly [what: string, bytes: string]

const lines: readonly Case[] = [
  ['a method in small letters', line('get /api/x HTTP/1.1')],
  ['a method in mixed case', line('Get /api/x HTTP/1.1')],
  ['a method with a digit', line('GET1 /api/x HTTP/1.1')],
  ['a method with an underscore', line('GET_ /api/x HTTP/1.1')],
  ['a method with a point', line('G.T /api/x HTTP/1.1')],
  ['a method of token characters', line("G!#$%&'*+^`|~T /api/x HTTP/1.1")],
  ['a method with a slash', line('G/T /api/x HTTP/1.1')],
  ['a method with a colon', line('GET: /api/x HTTP/1.1')],
  ['a method in quotes', line('"GET" /api/x HTTP/1.1')],
  ['a method with NUL', line('GET\0 /api/x HTTP/1.1')],
  ['a method with a byte above 127', line('G\xc9T /api/x HTTP/1.1')],
  ['a method in fullwidth letters', line('\xef\xbc\xa7ET /api/x HTTP/1.1')],
  ['a byte order mark before the method', line('\xef\xbb\xbfGET /api/x HTTP/1.1')],
  ['a method of 33 letters', line(`${'A'.repeat(33)} /api/x HTTP/1.1`)],
  ['a method of 10,000 letters', line(`${'A'.repeat(10_000)} /api/x HTTP/1.1`)],
  ['no method', line(' /api/x HTTP/1.1')],
  ['no method, no space', line('/api/x HTTP/1.1')],
  ['CONNECT in authority form', line('CONNECT api.example:443 HTTP/1.1')],
  ['CONNECT with a path', line('CONNECT /api/x HTTP/1.1')],
  ['CONNECT in absolute form', line('CONNECT http://api.example/ HTTP/1.1')],
  ['CONNECT with a body', `${head('CONNECT api.example:443 HTTP/1.1', '{host}', 'Content-Length: 5')}hello`],
  ['TRACE', line('TRACE /api/x HTTP/1.1')],
  ['TRACE with Max-Forwards', head('TRACE /api/x HTTP/1.1', '{host}', '{auth}', 'Max-Forwards: 0')],
  ['asterisk form', line('OPTIONS * HTTP/1.1')],
  ['asterisk form of GET', line('GET * HTTP/1.1')],
  ['two spaces after the method', line('GET  /api/x HTTP/1.1')],
  ['a tab after the method', line('GET\t/api/x HTTP/1.1')],
  ['a vertical tab after the method', line('GET\x0b/api/x HTTP/1.1')],
  ['a form feed after the method', line('GET\x0c/api/x HTTP/1.1')],
  ['a bare CR after the method', line('GET\r/api/x HTTP/1.1')],
  ['two spaces before the version', line('GET /api/x  HTTP/1.1')],
  ['a tab before the version', line('GET /api/x\tHTTP/1.1')],
  ['a vertical tab before the version', line('GET /api/x\x0bHTTP/1.1')],
  ['a space after the version', line('GET /api/x HTTP/1.1 ')],
  ['a tab after the version', line('GET /api/x HTTP/1.1\t')],
  ['a word after the version', line('GET /api/x HTTP/1.1 x')],
  ['two versions', line('GET /api/x HTTP/1.1 HTTP/1.1')],
  ['two versions, the first 1.0', line('GET /api/x HTTP/1.0 HTTP/1.1')],
  ['a space before the method', line(' GET /api/x HTTP/1.1')],
  ['a tab before the method', line('\tGET /api/x HTTP/1.1')],
  ['a bare LF before the method', line('\nGET /api/x HTTP/1.1')],
  ['two bare LFs before the method', line('\n\nGET /api/x HTTP/1.1')],
  ['a bare CR before the method', line('\rGET /api/x HTTP/1.1')],
  ['CR CR LF before the method', line('\r\r\nGET /api/x HTTP/1.1')],
  ['two empty lines before the method', line('\r\n\r\nGET /api/x HTTP/1.1')],
  ['NUL before the method', line('\0GET /api/x HTTP/1.1')],
  ['a bare LF behind the line', 'GET /api/x HTTP/1.1\n{host}\r\n{auth}\r\n\r\n'],
  ['a bare CR behind the line', 'GET /api/x HTTP/1.1\r{host}\r\n{auth}\r\n\r\n'],
  ['CR CR LF behind the line', 'GET /api/x HTTP/1.1\r\r\n{host}\r\n{auth}\r\n\r\n'],
  ['a bare CR in the target', line('GET /api/\rx HTTP/1.1')],
  ['a bare LF in the target', line('GET /api/\nx HTTP/1.1')],
  ['NUL in the target', line('GET /api/\0x HTTP/1.1')],
  ['a control byte in the target', line('GET /api/\x01x HTTP/1.1')],
  ['DEL in the target', line('GET /api/\x7fx HTTP/1.1')],
  ['a folded target', line('GET /api/x\r\n HTTP/1.1')],
  ['a version in small letters', line('GET /api/x http/1.1')],
  ['a version in mixed case', line('GET /api/x Http/1.1')],
  ['a version with a leading nought', line('GET /api/x HTTP/01.1')],
  ['a minor version with a leading nought', line('GET /api/x HTTP/1.01')],
  ['a minor version of two digits', line('GET /api/x HTTP/1.10')],
  ['a major version of two digits', line('GET /api/x HTTP/11.1')],
  ['a version without a minor', line('GET /api/x HTTP/1')],
  ['a version without a point', line('GET /api/x HTTP/11')],
  ['a version with a comma', line('GET /api/x HTTP/1,1')],
  ['a version with a letter', line('GET /api/x HTTP/1.x')],
  ['a version with something behind', line('GET /api/x HTTP/1.1x')],
  ['a version with a minus', line('GET /api/x HTTP/-1.1')],
  ['a version with a plus', line('GET /api/x HTTP/+1.1')],
  ['a version with a space', line('GET /api/x HTTP/ 1.1')],
  ['a version with a hyphen', line('GET /api/x HTTP-1.1')],
  ['a version of another name', line('GET /api/x HTTPS/1.1')],
  ['a version of another case and letter', line('GET /api/x HTTQ/1.1')],
  ['a fullwidth version', line('GET /api/x HTTP/\xef\xbc\x91.1')],
  ['0.9, as it was', 'GET /api/x\r\n'],
  ['an answer', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'],
  ['a TLS greeting', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n'],
  ['an SSH greeting', 'SSH-2.0-OpenSSH_9.6\r\n\r\n'],
  ['a SOCKS greeting', '\x05\x01\x00\r\n\r\n'],
  ['a PROXY line', 'PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\nGET /api/x HTTP/1.1\r\n{host}\r\n{auth}\r\n\r\n'],
  ['a PROXY line of version 2', '\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c12345678abcd'],
  ['a greeting of SMTP', 'EHLO example\r\n\r\n'],
  ['Redis', '*1\r\n$4\r\nPING\r\n\r\n'],
  ['binary noise', `${String.fromCharCode(...Array.from({ length: 256 }, (_, index) => (index * 37) % 256))}\r\n\r\n`],
]

const versions: readonly Case[] = [
  ...['HTTP/0.9', 'HTTP/1.2', 'HTTP/1.9', 'HTTP/2.0', 'HTTP/2.1', 'HTTP/3.0', 'HTTP/9.9', 'HTTP/0.0', 'HTTP/0.1'].map(
    (version): Case => [version, line(`GET /api/x ${version}`)],
  ),
  ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['the preface of HTTP/2 and a frame', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0'],
  ['the preface with a path', 'PRI /api/x HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['0.9 as it was', 'GET /api/x\r\n\r\n'],
  ['0.9 with fields', 'GET /api/x\r\n{host}\r\n{auth}\r\n\r\n'],
  ['RTSP/1.0', line('OPTIONS /api/x RTSP/1.0')],
  ['RTSP of its own method', line('DESCRIBE rtsp://a.example/x RTSP/1.0')],
  ['ICE/1.0', line('SOURCE /api/x ICE/1.0')],
]

const hosts: readonly Case[] = [
  ['none', hosted()],
  ['none, and X-Forwarded-Host', hosted('X-Forwarded-Host: a.example')],
  ['twice, the same', hosted('{host}', '{host}')],
  ['twice, different', hosted('{host}', 'Host: b.example')],
  ['twice in different case', hosted('{host}', 'HOST: b.example')],
  ['twice, the first empty', hosted('Host:', '{host}')],
  ['twice, the second empty', hosted('{host}', 'Host:')],
  ['twice, far apart', hosted('{host}', 'X-A: b', 'X-B: c', '{host}')],
  ['empty', hosted('Host:')],
  ['of a space', hosted('Host: ')],
  ['of a tab', hosted('Host:\t')],
  ['of a port alone', hosted('Host: :80')],
  ['of a point', hosted('Host: .')],
  ['of two points', hosted('Host: ..')],
  ['with an empty label', hosted('Host: a..example')],
  ['with a point in front', hosted('Host: .a.example')],
  ['with two points behind', hosted('Host: a.example..')],
  ['with a hyphen in front', hosted('Host: -a.example')],
  ['with a hyphen behind', hosted('Host: a-')],
  ['with an empty port', hosted('Host: a.example:')],
  ['with port 0', hosted('Host: a.example:0')],
  ['with port 65536', hosted('Host: a.example:65536')],
  ['with port 99999', hosted('Host: a.example:99999')],
  ['with a port of six digits', hosted('Host: a.example:000080')],
  ['with a negative port', hosted('Host: a.example:-80')],
  ['with a port and a plus', hosted('Host: a.example:+80')],
  ['with a hexadecimal port', hosted('Host: a.example:0x50')],
  ['with a port in words', hosted('Host: a.example:http')],
  ['with two ports', hosted('Host: a.example:80:80')],
  ['with a port behind a space', hosted('Host: a.example :80')],
  ['with a space in the port', hosted('Host: a.example: 80')],
  ['with a path', hosted('Host: a.example/x')],
  ['with a slash', hosted('Host: a.example/')],
  ['with a port and a path', hosted('Host: a.example:80/x')],
  ['with a query', hosted('Host: a.example?x')],
  ['with a fragment', hosted('Host: a.example#x')],
  ['with a backslash', hosted('Host: a.example\\x')],
  ['with user info', hosted('Host: user@a.example')],
  ['with user info and a password', hosted('Host: user:password@a.example')],
  ['with a scheme', hosted('Host: http://a.example')],
  ['with two slashes', hosted('Host: //a.example')],
  ['as a list', hosted('Host: a.example, b.example')],
  ['as a list without a space', hosted('Host: a.example,b.example')],
  ['of two words', hosted('Host: a.example b.example')],
  ['with a tab within', hosted('Host: a.example\tb')],
  ['with a semicolon', hosted('Host: a.example;b')],
  ['with a percent sign', hosted('Host: a%2eexample')],
  ['with an encoded NUL', hosted('Host: a.example%00')],
  ['with an ampersand', hosted('Host: a&b')],
  ['with an asterisk', hosted('Host: *.example')],
  ['with quotes', hosted('Host: "a.example"')],
  ['with angle brackets', hosted('Host: <a.example>')],
  ['with braces', hosted('Host: {a}.example')],
  ['with non-ASCII letters', hosted('Host: \xc3\xa4.example')],
  ['with a Latin-1 letter', hosted('Host: \xe4.example')],
  ['with a fullwidth point', hosted('Host: a\xef\xbc\x8eexample')],
  ['with an ideographic point', hosted('Host: a\xe3\x80\x82example')],
  ['with a soft hyphen', hosted('Host: a\xc2\xad.example')],
  ['with a no-break space', hosted('Host: a.example\xa0')],
  ['with NUL', hosted('Host: a.example\0')],
  ['with a vertical tab', hosted('Host: a.example\x0b')],
  ['with a bare CR', hosted('Host: a.example\rb')],
  ['folded', hosted('Host: a.example', ' b.example')],
  ['with a space before the colon', hosted('Host : a.example')],
  ['with a space in front', head('GET /api/x HTTP/1.1', ' Host: a.example', '{auth}')],
  ['of half an IPv6 address', hosted('Host: [::1')],
  ['of the other half', hosted('Host: ::1]')],
  ['of an IPv6 address without brackets', hosted('Host: ::1')],
  ['of an IPv6 address with a zone', hosted('Host: [fe80::1%25eth0]')],
  ['of an IPv6 address with a raw zone', hosted('Host: [fe80::1%eth0]')],
  ['of empty brackets', hosted('Host: []')],
  ['of brackets with a name', hosted('Host: [a.example]')],
  ['of brackets with points', hosted('Host: [...]')],
  ['of brackets with colons', hosted('Host: [::::]')],
  ['of an IPv6 address of nine groups', hosted('Host: [1:2:3:4:5:6:7:8:9]')],
  ['of an IPv6 address of long groups', hosted('Host: [12345::]')],
  ['of an IPvFuture address', hosted('Host: [v1.x]')],
  ['of text behind brackets', hosted('Host: [::1]x')],
  ['of an empty port behind brackets', hosted('Host: [::1]:')],
  ['of brackets twice', hosted('Host: [[::1]]')],
  ['of a label of 64 letters', hosted(`Host: ${'a'.repeat(64)}.example`)],
  ['of 300 letters', hosted(`Host: ${'a.'.repeat(150)}example`)],
]

describe('a request line that two parsers could read differently', () => {
  it.each(lines)('%s is 400, whole or byte by byte', async (_what, bytes) => {
    await expectRefused(watched, bytes)
    await expectRefused(watched, bytes, 400, 'BAD_REQUEST', { split: true })
  })

  it.each(versions)('%s is 505, whole or byte by byte', async (_what, bytes) => {
    await expectRefused(watched, bytes, 505, 'VERSION_NOT_SUPPORTED')
    await expectRefused(watched, bytes, 505, 'VERSION_NOT_SUPPORTED', { split: true })
  })

  it.each([
    ['no target', line('GET HTTP/1.1')],
    ['an empty target', line('GET  HTTP/1.1')],
    ['a target in quotes', line('GET "/api/x" HTTP/1.1')],
  ])('%s is 400 BAD_REQUEST_TARGET', async (_what, bytes) => {
    await expectRefused(watched, bytes, 400, 'BAD_REQUEST_TARGET')
    await expectRefused(watched, bytes, 400, 'BAD_REQUEST_TARGET', { split: true })
  })

  it('an empty line before the first request is passed over', async () => {
    for (const split of [false, true]) {
      const { heads } = await forwarded(watched, line('\r\nGET /api/x HTTP/1.1'), { split })
      expect(heads[0]).toMatch(/^GET \/api\/x HTTP\/1\.1\r\nhost: /)
    }
  })

  it('empty lines alone are no request: no answer, no row, and the connection ends', async () => {
    const outcome = await watched.attempt('\r\n\r\n\r\n', { toEnd: true })
    const { lines: rows } = await watched.verify(outcome)
    expect(outcome.responses.length).toBe(rows.length)
  })

  it('a method of 32 letters is a method', async () => {
    const method = 'A-'.repeat(16)
    const { outcome, seen } = await forwarded(watched, line(`${method} /api/x HTTP/1.1`))
    // Whether the engine knows it or not: refused or forwarded as it came, nothing between.
    expect([200, 400]).toContain(outcome.responses[0]?.status)
    expect(seen.requests.every((request) => request.method === method)).toBe(true)
  })

  it('1.0 goes on as 1.1, with Host or without, and is answered with the end of the connection', async () => {
    for (const bytes of [
      head('GET /api/x HTTP/1.0', '{host}', '{auth}'),
      head('GET /api/x HTTP/1.0', '{auth}'),
      head('GET /api/x HTTP/1.0', '{host}', '{auth}', 'Connection: close'),
    ]) {
      const outcome = await watched.attempt(bytes, { toEnd: true })
      const { requests } = await watched.verify(outcome)
      expect(outcome.responses.map(({ status }) => status)).toEqual([200])
      expect(requests[0]?.head).toMatch(/^GET \/api\/x HTTP\/1\.1\r\nhost: /)
    }
  })

  it('1.0 that keeps its connection alive is answered in the same terms', async () => {
    const outcome = await watched.attempt(
      head('GET /api/x HTTP/1.0', '{host}', '{auth}', 'Connection: keep-alive').repeat(2),
      { responses: 2 },
    )
    await watched.verify(outcome)
    expect(outcome.responses.map((response) => [response.status, response.header('connection')])).toEqual([
      [200, 'keep-alive'],
      [200, 'keep-alive'],
    ])
  })
})

describe('Host', () => {
  it.each(hosts)('%s is 400', async (_what, bytes) => {
    await expectRefused(watched, bytes)
  })

  it.each([
    'a.example',
    'A.Example',
    'a.example:80',
    'a.example:65535',
    'a.example:1',
    'a',
    'a_b.example',
    'a-b.example',
    'a.example.',
    'xn--4ca.example',
    '127.0.0.1',
    '127.0.0.1:8080',
    '[::1]',
    '[::1]:8080',
    '[2001:db8::7]',
    '[::ffff:192.0.2.1]',
    '1.2',
    `${'a'.repeat(63)}.example`,
  ])('%s is a host', async (host) => {
    const { outcome, seen } = await forwarded(watched, hosted(`Host: ${host}`))
    expect(outcome.responses.map(({ status }) => status)).toEqual([200])
    expect(seen.requests[0]?.header('x-forwarded-host')).toBe(host.toLowerCase())
  })
})

describe('absolute form', () => {
  const absolute = (target: string, host = 'a.example'): string =>
    head(`GET ${target} HTTP/1.1`, `Host: ${host}`, '{auth}')

  it.each([
    ['another host', absolute('http://b.example/api/x')],
    ['another port', absolute('http://a.example:81/api/x')],
    ['a port where Host has none', absolute('http://a.example:80/api/x')],
    ['no port where Host has one', absolute('http://a.example/api/x', 'a.example:80')],
    ['a host that begins alike', absolute('http://a.example.evil/api/x')],
    ['a final point', absolute('http://a.example./api/x')],
    ['user info', absolute('http://user@a.example/api/x')],
    ['user info that looks like the host', absolute('http://a.example@b.example/api/x')],
    ['user info behind', absolute('http://b.example@a.example/api/x')],
    ['an encoded host', absolute('http://a%2eexample/api/x')],
    ['an empty host', absolute('http:///api/x')],
    ['no slashes', absolute('http:/api/x')],
    ['no path, no slashes', absolute('http:a.example')],
    ['three slashes', absolute('http:///a.example/api/x')],
    ['a backslash', absolute('http://a.example\\api/x')],
    ['a backslash before the host', absolute('http:\\\\a.example/api/x')],
    ['another scheme', absolute('ftp://a.example/api/x')],
    ['a scheme of websockets', absolute('ws://a.example/api/x')],
    ['a scheme of files', absolute('file:///api/x')],
    ['a scheme of scripts', absolute('javascript:alert(1)')],
    ['no scheme', absolute('//a.example/api/x')],
    ['a name alone', absolute('a.example')],
    ['a name and a port', absolute('a.example:80')],
    ['a path without a slash', absolute('api/x')],
    ['a query alone', absolute('?x=y')],
    ['dot segments', absolute('http://a.example/api/../x')],
    ['an empty segment', absolute('http://a.example//api/x')],
    ['a fragment', absolute('http://a.example/api/x#y')],
    ['a fragment in the host', absolute('http://a.example#/api/x')],
  ])('with %s is 400', async (_what, bytes) => {
    const outcome = await watched.attempt(bytes + smuggled, { toEnd: true })
    const { requests } = await watched.verify(outcome)
    expect(outcome.responses).toHaveLength(1)
    for (const response of outcome.responses) {
      expectProblem(response, 400, /"code":"(BAD_REQUEST\w*)"/.exec(response.text())?.[1] ?? '')
      expect(response.header('connection')).toBe('close')
    }
    expect(requests).toEqual([])
  })

  it.each([
    ['http://a.example/api/x', 'a.example', '/api/x'],
    ['http://A.EXAMPLE/api/x', 'a.example', '/api/x'],
    ['HTTP://a.example/api/x', 'a.example', '/api/x'],
    ['https://a.example/api/x', 'a.example', '/api/x'],
    ['http://a.example:81/api/x', 'a.example:81', '/api/x'],
    ['http://[::1]:81/api/x', '[::1]:81', '/api/x'],
    ['http://a.example/api/x?y=http://b.example/', 'a.example', '/api/x?y=http://b.example/'],
  ])('%s goes on in origin form', async (target, host, origin) => {
    const { outcome, seen } = await forwarded(watched, absolute(target, host))
    expect(outcome.responses.map(({ status }) => status)).toEqual([200])
    expect(seen.requests.map((request) => [request.target, request.header('x-forwarded-host')])).toEqual([
      [origin, host],
    ])
  })

  it('for nothing but the host is /', async () => {
    const { seen, outcome } = await forwarded(watched, absolute('http://a.example'))
    expect([outcome.responses[0]?.status, seen.lines[0]?.path]).toEqual([404, '/'])
  })
})

describe('field lines that two parsers could read differently', () => {
  const fields: readonly Case[] = [
    ['a fold with a space', get('X-A: 1', ' folded')],
    ['a fold with a tab', get('X-A: 1', '\tfolded')],
    ['a fold with nothing in it', get('X-A: 1', ' ')],
    ['a fold into the key', head('GET /api/x HTTP/1.1', '{host}', 'Authorization:', ' Bearer {key}')],
    ['a first line that is folded', head('GET /api/x HTTP/1.1', ' X-A: 1', '{host}', '{auth}')],
    ['a bare LF between fields', get('X-A: 1\nX-B: 2')],
    ['a bare CR between fields', get('X-A: 1\rX-B: 2')],
    ['CR CR LF between fields', get('X-A: 1\r\r\nX-B: 2')],
    ['LF CR between fields', get('X-A: 1\n\rX-B: 2')],
    ['a head that ends in LF LF', 'GET /api/x HTTP/1.1\r\n{host}\r\n{auth}\n\n'],
    ['a head that ends in CRLF LF', 'GET /api/x HTTP/1.1\r\n{host}\r\n{auth}\r\n\n'],
    ['a head that ends in LF CRLF', 'GET /api/x HTTP/1.1\r\n{host}\r\n{auth}\n\r\n'],
    ['a head in bare LFs', 'GET /api/x HTTP/1.1\n{host}\n{auth}\n\n'],
    ['a bare CR at the end of a value', get('X-A: 1\r')],
    ['a bare CR at the beginning of a value', get('X-A:\r1')],
    ['an empty line that ends in CR CR LF', 'GET /api/x HTTP/1.1\r\n{host}\r\n{auth}\r\n\r\r\n'],
    ['a space before the colon', get('X-A : 1')],
    ['a tab before the colon', get('X-A\t: 1')],
    ['no colon', get('X-A')],
    ['no name', get(': 1')],
    ['a space in the name', get('X A: 1')],
    ...Array.from('"(),/;<=>?@[\\]{}', (char): Case => [`${char} in the name`, get(`X${char}A: 1`)]),
    ['a byte above 127 in the name', get('X-\xe4: 1')],
    ['DEL in the name', get('X\x7fA: 1')],
    ...[0, 1, 7, 8, 11, 12, 27, 31, 127].map(
      (byte): Case => [`byte ${byte} in a value`, get(`X-A: a${String.fromCharCode(byte)}b`)],
    ),
    ...[0, 1, 9, 11, 27].map((byte): Case => [`byte ${byte} in a name`, get(`X${String.fromCharCode(byte)}A: b`)]),
    ['Expect of something else', get('Expect: 200-ok')],
    ['Expect in a list', get('Expect: 100-continue, x')],
    ['Expect twice with junk', get('Expect: 100-continue', 'Expect: x')],
    ['an empty Expect', get('Expect:')],
  ]
  it.each(fields)('%s: 400, whole or byte by byte', async (_what, bytes) => {
    await expectRefused(watched, bytes)
    await expectRefused(watched, bytes, 400, 'BAD_REQUEST', { split: true })
  })
})

describe('what is too long', () => {
  it.each([
    ['a target of 8,193 bytes', line(`GET /api/${'a'.repeat(8193 - 5)} HTTP/1.1`), 414, 'URI_TOO_LONG'],
    ['a target of 40,000 bytes', line(`GET /api/${'a'.repeat(40_000)} HTTP/1.1`), 414, 'URI_TOO_LONG'],
    ['a target of a megabyte', line(`GET /api/${'a'.repeat(1_000_000)} HTTP/1.1`), 414, 'URI_TOO_LONG'],
    ['a query of a megabyte', line(`GET /api/x?${'a'.repeat(1_000_000)} HTTP/1.1`), 414, 'URI_TOO_LONG'],
    ['a value of 33,000 bytes', get(`X-A: ${'a'.repeat(33_000)}`), 431, 'HEADERS_TOO_LARGE'],
    ['a value of a megabyte', get(`X-A: ${'a'.repeat(1_000_000)}`), 431, 'HEADERS_TOO_LARGE'],
    ['a name of 33,000 bytes', get(`${'a'.repeat(33_000)}: b`), 431, 'HEADERS_TOO_LARGE'],
    ['a name of a megabyte', get(`${'a'.repeat(1_000_000)}: b`), 431, 'HEADERS_TOO_LARGE'],
    ['257 fields', get(...Array.from({ length: 255 }, (_, index) => `X-${index}: 1`)), 431, 'HEADERS_TOO_LARGE'],
    ['100,000 fields', get('X: 1\r\n'.repeat(100_000).trimEnd()), 431, 'HEADERS_TOO_LARGE'],
    ['spaces around a value by the megabyte', get(`X-A:${' '.repeat(1_000_000)}b`), 431, 'HEADERS_TOO_LARGE'],
  ])('%s', async (_what, bytes, status, code) => {
    await expectRefused(watched, bytes, status, code)
  })
})
