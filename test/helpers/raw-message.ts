/**
 * RFC 9112 read to the letter, for both ends of a test: whatever a lenient parser would forgive is an error here,
 * so that a test which passes has seen well-formed bytes.
 */
export type Header = readonly [name: string, value: string]

export interface Head {
  readonly startLine: string
  readonly headers: readonly Header[]
  /** Length with the empty line, in bytes. */
  readonly bytes: number
}

export interface Body {
  readonly content: Buffer
  readonly trailers: readonly Header[]
  /** Length on the wire, framing included. */
  readonly bytes: number
}

export type Framing =
  | { readonly kind: 'none' | 'chunked' | 'close' }
  | { readonly kind: 'length'; readonly length: number }

/**
 * The head at the start of the buffer, one character per byte (latin1); undefined until it is all there.
 * @throws on anything that is not well-formed.
 */
export function takeHead(buffer: Buffer): Head | undefined {
  const end = buffer.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const [startLine = '', ...lines] = buffer.toString('latin1', 0, end).split('\r\n')
  if (/[\r\n\0]/.test(startLine)) throw new Error(`malformed start line: ${JSON.stringify(startLine)}`)
  return { startLine, headers: lines.map(parseField), bytes: end + 4 }
}

/** Every value of a field, in order. */
export const allValues = (headers: readonly Header[], name: string): string[] =>
  headers.filter(([other]) => other.toLowerCase() === name.toLowerCase()).map(([, value]) => value)

/** The one value of a field. @throws when it is there several times. */
export function onlyValue(headers: readonly Header[], name: string): string | undefined {
  const values = allValues(headers, name)
  if (values.length > 1) throw new Error(`${values.length} times ${name}: ${JSON.stringify(values)}`)
  return values[0]
}

/** How the body is framed. @throws when two parsers could see it differently. */
export function framingOf(headers: readonly Header[], otherwise: 'none' | 'close'): Framing {
  const coding = onlyValue(headers, 'transfer-encoding')
  const length = onlyValue(headers, 'content-length')
  if (coding !== undefined && length !== undefined) throw new Error('both Transfer-Encoding and Content-Length')
  if (coding !== undefined) {
    if (coding.toLowerCase() !== 'chunked') throw new Error(`Transfer-Encoding: ${coding}`)
    return { kind: 'chunked' }
  }
  if (length === undefined) return { kind: otherwise }
  if (!/^\d{1,15}$/.test(length)) throw new Error(`Content-Length: ${length}`)
  return { kind: 'length', length: Number(length) }
}

/** The body at the start of the buffer; undefined until it is all there. @param ended whether no more bytes will come. */
export function takeBody(buffer: Buffer, framing: Framing, ended: boolean): Body | undefined {
  switch (framing.kind) {
    case 'none':
      return { content: Buffer.alloc(0), trailers: [], bytes: 0 }
    case 'length': {
      if (buffer.length < framing.length) return undefined
      return { content: Buffer.from(buffer.subarray(0, framing.length)), trailers: [], bytes: framing.length }
    }
    case 'close':
      return ended ? { content: Buffer.from(buffer), trailers: [], bytes: buffer.length } : undefined
    case 'chunked':
      return takeChunked(buffer)
  }
}

function takeChunked(buffer: Buffer): Body | undefined {
  const chunks: Buffer[] = []
  for (let at = 0; ; ) {
    const lineEnd = buffer.indexOf('\r\n', at)
    if (lineEnd < 0) return undefined
    const line = buffer.toString('latin1', at, lineEnd)
    if (!/^[0-9A-Fa-f]{1,8}$/.test(line)) throw new Error(`malformed chunk size: ${JSON.stringify(line)}`)
    const size = Number.parseInt(line, 16)
    at = lineEnd + 2
    if (size === 0) return takeTrailers(buffer, at, chunks)
    if (buffer.length < at + size + 2) return undefined
    if (buffer.toString('latin1', at + size, at + size + 2) !== '\r\n')
      throw new Error('a chunk is longer than its size')
    chunks.push(buffer.subarray(at, at + size))
    at += size + 2
  }
}

function takeTrailers(buffer: Buffer, start: number, chunks: readonly Buffer[]): Body | undefined {
  const content = () => Buffer.concat(chunks)
  if (buffer.length < start + 2) return undefined
  if (buffer.toString('latin1', start, start + 2) === '\r\n') {
    return { content: content(), trailers: [], bytes: start + 2 }
  }
  const end = buffer.indexOf('\r\n\r\n', start)
  if (end < 0) return undefined
  const trailers = buffer.toString('latin1', start, end).split('\r\n').map(parseField)
  return { content: content(), trailers, bytes: end + 4 }
}

function parseField(line: string): Header {
  const field = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*$/.exec(line)
  if (!field) throw new Error(`malformed field line: ${JSON.stringify(line)}`)
  return [field[1] ?? '', field[2] ?? '']
}
