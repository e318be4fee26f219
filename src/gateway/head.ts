import type { ErrorCode } from '../errors.ts'
import { type HeaderKind, kind } from '../proxy/header-kinds.ts'
import { isHost } from './host.ts'

/** A request head as the engine in front gives it: nothing merged, folded or dropped. */
export interface RawHead {
  readonly method: string
  /** The request target as sent. */
  readonly target: string
  /** `1.1` */
  readonly version: string
  /** Flat: name, value, name, value. */
  readonly headers: readonly string[]
}

/** What one pass over the head finds. */
export interface Head {
  /** Lower case, as sent; undefined in a 1.0 request without Host. */
  host: string | undefined
  contentLength: number | undefined
  chunked: boolean
  upgrade: string | undefined
  expectContinue: boolean
  authorization: string | undefined
  /** More than one Authorization header came: never accepted. */
  authorizationRepeated: boolean
  requestId: string | undefined
  userAgent: string | undefined
  origin: string | undefined
  accessControlRequestMethod: string | undefined
  forwardedFor: string | undefined
  forwardedProto: string | undefined
  forwardedHost: string | undefined
  traceparent: string | undefined
  tracestate: string | undefined
  /** What may go on to the upstream as it is. */
  forwardable: string[]
  /** The same for what only a trusted proxy may say. */
  fromTrustedProxy: string[]
}

const headersMax = 256
const headerBytesMax = 32 * 1024
const targetBytesMax = 8 * 1024

/**
 * Reads the head and refuses every framing that two parsers could read differently (RFC 9112 sections 3, 5, 6).
 * The engine's parser has refused bare CR and LF, NUL, control bytes, obs-fold and most Content-Length tricks before.
 */
export function readHead(raw: RawHead, classify: (name: string) => HeaderKind, head: Head): ErrorCode | undefined {
  if (raw.version !== '1.1' && raw.version !== '1.0') return 'VERSION_NOT_SUPPORTED'
  if (raw.target.length > targetBytesMax) return 'URI_TOO_LONG'
  if (raw.method === 'CONNECT' || raw.method === 'TRACE' || raw.target === '*') return 'BAD_REQUEST'
  const { headers } = raw
  if (headers.length > headersMax * 2) return 'HEADERS_TOO_LARGE'

  let bytes = 0
  let hosts = 0
  let lengths = 0
  let encodings = 0
  let connection: string | undefined
  let upgrade: string | undefined
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] as string
    const value = headers[index + 1] as string
    bytes += name.length + value.length + 4
    switch (classify(name)) {
      case kind.forward:
        head.forwardable.push(name, value)
        break
      case kind.drop:
        break
      case kind.host:
        hosts++
        head.host = value.toLowerCase()
        break
      case kind.contentLength:
        // A leading zero is octal to some, and 17 digits are more than a double holds.
        if (!/^(0|[1-9]\d{0,14})$/.test(value)) return 'BAD_REQUEST'
        lengths++
        head.contentLength = Number(value)
        break
      case kind.transferEncoding:
        if (value !== 'chunked') return 'BAD_REQUEST'
        encodings++
        head.chunked = true
        break
      case kind.connection:
        connection = connection === undefined ? value : `${connection},${value}`
        break
      case kind.upgrade:
        upgrade = upgrade === undefined ? value : `${upgrade},${value}`
        break
      case kind.expect:
        if (value.toLowerCase() !== '100-continue') return 'BAD_REQUEST'
        head.expectContinue = true
        break
      case kind.authorization:
        head.authorizationRepeated = head.authorization !== undefined
        head.authorization = value
        break
      case kind.requestId:
        // Several are as good as none: nobody could say which one is meant.
        head.requestId = head.requestId === undefined ? value : ''
        break
      case kind.forwardedFor:
        // A list of nothing names nobody (RFC 9110 section 5.6.1).
        if (namesSomebody.test(value))
          head.forwardedFor = head.forwardedFor === undefined ? value : `${head.forwardedFor},${value}`
        break
      case kind.forwardedProto:
        head.forwardedProto = value
        break
      case kind.forwardedHost:
        head.forwardedHost = value
        break
      case kind.origin:
        head.origin = value
        head.forwardable.push(name, value)
        break
      case kind.accessControlRequestMethod:
        head.accessControlRequestMethod = value
        head.forwardable.push(name, value)
        break
      case kind.userAgent:
        head.userAgent = value
        head.forwardable.push(name, value)
        break
      case kind.traceparent:
        // Several are as good as none: no valid one is empty.
        head.traceparent = head.traceparent === undefined ? value : ''
        break
      case kind.tracestate:
        head.tracestate = head.tracestate === undefined ? value : `${head.tracestate},${value}`
        break
      case kind.fromTrustedProxy:
        head.fromTrustedProxy.push(name, value)
        break
    }
  }

  if (bytes > headerBytesMax) return 'HEADERS_TOO_LARGE'
  if (encodings > 1 || lengths > 1 || encodings + lengths > 1) return 'BAD_REQUEST'
  if (head.chunked && raw.version === '1.0') return 'BAD_REQUEST'
  if (hosts > 1 || (hosts === 0 && raw.version === '1.1')) return 'BAD_REQUEST'
  if (head.host !== undefined && !isHost(head.host)) return 'BAD_REQUEST'
  if (connection !== undefined) applyConnection(connection, upgrade, head)
  return undefined
}

const namesSomebody = /[^,\t ]/

/** Headers that Connection names go no further; ours are added later, so it can't reach them. */
function applyConnection(connection: string, upgrade: string | undefined, head: Head): void {
  if (namesNothing.test(connection)) return
  const tokens = connection.toLowerCase().split(',')
  const named = new Set<string>()
  for (const text of tokens) {
    const token = text.trim()
    if (token === '' || token === 'keep-alive' || token === 'close') continue
    if (token === 'upgrade') head.upgrade = upgrade
    else named.add(token)
  }
  if (named.size > 0) {
    head.forwardable = without(head.forwardable, named)
    head.fromTrustedProxy = without(head.fromTrustedProxy, named)
    if (named.has('traceparent')) head.traceparent = undefined
    if (named.has('tracestate')) head.tracestate = undefined
  }
}

/** What clients commonly send. */
const namesNothing = /^(?:keep-alive|close)$/i

function without(headers: readonly string[], names: ReadonlySet<string>): string[] {
  const rest: string[] = []
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] as string
    if (!names.has(name.toLowerCase())) rest.push(name, headers[index + 1] as string)
  }
  return rest
}

/** A fresh head to read into. */
export const emptyHead = (): Head => ({
  host: undefined,
  contentLength: undefined,
  chunked: false,
  upgrade: undefined,
  expectContinue: false,
  authorization: undefined,
  authorizationRepeated: false,
  requestId: undefined,
  userAgent: undefined,
  origin: undefined,
  accessControlRequestMethod: undefined,
  forwardedFor: undefined,
  forwardedProto: undefined,
  forwardedHost: undefined,
  traceparent: undefined,
  tracestate: undefined,
  forwardable: [],
  fromTrustedProxy: [],
})
