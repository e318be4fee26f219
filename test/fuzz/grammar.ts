import fc from 'fast-check'
import {
  fieldNames,
  fieldValues,
  harmless,
  harmlessFields,
  oddAuthorizations,
  pathPieces,
  queries,
  smuggled,
  special,
  start,
  trailers,
} from './vocabulary.ts'

/** What is sent on one connection, one character per byte. `{auth}`, `{host}`, `{key}` and `{authority}` are filled in. */
export interface Attempt {
  readonly text: string
  /** Where one write ends and the next begins, in thousandths of the whole. */
  readonly cuts: readonly number[]
  /** Of the requests in it; a mutated one holds no HEAD, whose answer could not be told from others. */
  readonly methods: readonly string[]
}

/** Well-formed requests, alone and pipelined, and what becomes of them under one to four mutations, cut into writes. */
export const attempts = (): fc.Arbitrary<Attempt> =>
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.array(request(), { minLength: 1, maxLength: 3 }).chain((all) => inWrites(all.join(''))),
    },
    { weight: 1, arbitrary: headRequest() },
    { weight: 8, arbitrary: mutated() },
  )

const request = (): fc.Arbitrary<string> =>
  fc
    .record({
      method: fc.constantFrom('GET', 'GET', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'),
      target: target(),
      version: weighted([20, 'HTTP/1.1'], [2, 'HTTP/1.0'], [1, 'HTTP/2.0'], [1, 'HTTP/1.2'], [1, 'RTSP/1.0']),
      host: weighted(
        [20, '{host}'],
        [1, 'Host: other.example'],
        [1, 'Host: internal.example:80'],
        [1, 'Host: '],
        [1, ''],
      ),
      auth: weighted([14, '{auth}'], [3, ''], ...oddAuthorizations.map((text) => [1, text] as const)),
      fields: fc.array(field(), { maxLength: 4 }),
      body: body(),
    })
    .map(({ method, target: path, version, host, auth, fields, body: [framing, content] }) => {
      const withBody = method === 'GET' ? [] : framing
      const lines = [`${method} ${path} ${version}`, host, auth, ...fields, ...withBody].filter((line) => line !== '')
      return `${lines.join('\r\n')}\r\n\r\n${withBody === framing ? content : ''}`
    })

/** Alone, and nothing in it that hides its method: an error that is found before the method is read has a body. */
const headRequest = (): fc.Arbitrary<Attempt> =>
  fc
    .tuple(fc.constantFrom(...start), fc.constantFrom(...harmless), fc.array(fc.constantFrom(...harmlessFields)))
    .chain(([from, path, fields]) =>
      inWrites(`${[`HEAD ${from}${path} HTTP/1.1`, '{host}', '{auth}', ...fields].join('\r\n')}\r\n\r\n`, ['HEAD']),
    )

const hostileTarget = (): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.constantFrom(...start),
      fc.array(fc.constantFrom(...pathPieces), { maxLength: 5 }),
      fc.constantFrom(...queries),
    )
    .map(([from, parts, query]) => from + parts.join('') + query)

/** Most paths of a caller are harmless, and what is behind them is reached. */
const target = (): fc.Arbitrary<string> =>
  fc.oneof(
    {
      weight: 2,
      arbitrary: fc.tuple(fc.constantFrom(...start), fc.constantFrom(...harmless)).map((parts) => parts.join('')),
    },
    { weight: 1, arbitrary: hostileTarget() },
  )

/** One in four can be the end of a request. */
const field = (): fc.Arbitrary<string> =>
  fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...harmlessFields) }, { weight: 1, arbitrary: hostileField() })

const hostileField = (): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.constantFrom(...fieldNames),
      weighted([12, ': '], [2, ':'], [1, ' : '], [1, ':\t']),
      fc.constantFrom(...fieldValues),
    )
    .map((parts) => parts.join(''))

type Framed = readonly [fields: string[], content: string]

const body = (): fc.Arbitrary<Framed> =>
  fc.oneof(
    fc.constant<Framed>([[], '']),
    fc.constantFrom('', 'hello', smuggled).map((text): Framed => [[`Content-Length: ${lengthOf(text)}`], text]),
    fc
      .tuple(fc.array(chunk(), { maxLength: 3 }), fc.constantFrom('0', '00', '0;x=y'), fc.constantFrom(...trailers))
      .map(
        ([chunks, last, trailer]): Framed => [
          ['Transfer-Encoding: chunked'],
          `${chunks.join('')}${last}\r\n${trailer}\r\n`,
        ],
      ),
  )

/** `{host}` is longer when it is filled in; the length is that of what is sent, give or take the port. */
const lengthOf = (text: string): number => text.replace('{host}', 'Host: 127.0.0.1:12345').length

const chunk = (): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.constantFrom('a', 'hello', 'x'.repeat(40)),
      weighted([8, ''], [1, ';a=b'], [1, ';a="b\r\n"'], [1, ' '], [1, ';\n'], [1, '\r']),
      weighted([8, '\r\n'], [1, '\n'], [1, '\r'], [1, '']),
      weighted([8, 0], [1, 1], [1, -1]),
    )
    .map(([text, extension, end, wrong]) => `${(text.length + wrong).toString(16)}${extension}\r\n${text}${end}`)

/** One change to a text; numbers are places and choices, taken modulo what there is. */
type Mutation = readonly [kind: keyof typeof mutations, where: number, what: number]

const mutations = {
  flip: (text: string, where: number, what: number) =>
    replaceAt(text, where, 1, (old) => String.fromCharCode((old.charCodeAt(0) ^ (1 << (what % 8))) & 255)),
  insert: (text: string, where: number, what: number) =>
    replaceAt(text, where, 0, () => special[what % special.length] ?? ''),
  overwrite: (text: string, where: number, what: number) =>
    replaceAt(text, where, 1, () => special[what % special.length] ?? ''),
  drop: (text: string, where: number, what: number) => replaceAt(text, where, 1 + (what % 8), () => ''),
  cut: (text: string, where: number) => text.slice(0, 1 + (where % text.length)),
  repeatLine: (text: string, where: number) => onLines(text, where, (line) => [line, line]),
  dropLine: (text: string, where: number) => onLines(text, where, () => []),
  joinLine: (text: string, where: number) => onLines(text, where, (line) => [`${line}\n`]),
  foldLine: (text: string, where: number) => onLines(text, where, (line) => [` ${line}`]),
  upperLine: (text: string, where: number) =>
    onLines(text, where, (line) => [line.startsWith('{') ? line : line.toUpperCase()]),
} as const

function mutated(): fc.Arbitrary<Attempt> {
  const names = Object.keys(mutations) as (keyof typeof mutations)[]
  const mutation: fc.Arbitrary<Mutation> = fc.tuple(fc.constantFrom(...names), fc.nat(2000), fc.nat(1000))
  return fc
    .record({
      requests: fc.array(request(), { minLength: 1, maxLength: 3 }),
      changes: fc.array(mutation, { minLength: 1, maxLength: 4 }),
      splice: fc.option(fc.tuple(fc.nat(2000), fc.nat(2000)), { freq: 3 }),
    })
    .chain(({ requests, changes, splice }) => {
      let text = requests.join('')
      const [first, second] = requests
      if (splice && first && second) {
        text = first.slice(0, splice[0] % first.length) + second.slice(splice[1] % second.length)
      }
      for (const [kind, where, what] of changes) if (text !== '') text = mutations[kind](text, where, what)
      // A lower-case letter that was flipped can make one; its answer has no body, which nobody would expect.
      return inWrites(text.replaceAll('HEAD', 'HEAR'))
    })
}

const inWrites = (text: string, methods: readonly string[] = []): fc.Arbitrary<Attempt> =>
  fc
    .oneof(
      { weight: 3, arbitrary: fc.constant<number[]>([]) },
      { weight: 1, arbitrary: fc.array(fc.nat(1000), { minLength: 1, maxLength: 4 }) },
    )
    .map((cuts) => ({ text, cuts: cuts.sort((one, other) => one - other), methods }))

function replaceAt(text: string, where: number, length: number, by: (old: string) => string): string {
  const at = where % text.length
  return text.slice(0, at) + by(text.slice(at, at + length)) + text.slice(at + length)
}

function onLines(text: string, where: number, change: (line: string) => string[]): string {
  const lines = text.split('\r\n')
  const at = where % lines.length
  return lines.flatMap((line, index) => (index === at ? change(line) : [line])).join('\r\n')
}

function weighted<T>(...choices: readonly (readonly [weight: number, value: T])[]): fc.Arbitrary<T> {
  return fc.oneof(...choices.map(([weight, value]) => ({ weight, arbitrary: fc.constant(value) })))
}
