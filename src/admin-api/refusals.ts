import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyError, FastifyReply } from 'fastify'
import { type ErrorCode, type ProblemExtras, problem, statusOf } from '../errors.ts'
import { StoreUnavailable } from '../store/store.ts'
import { PasswordsBusy } from './login/passwords.ts'

/** Answers with a problem of the catalogue. */
export function refuse(reply: FastifyReply, code: ErrorCode, extras: ProblemExtras = {}): FastifyReply {
  const { id } = reply.request
  const status = statusOf(code)
  if (status === 503 && !reply.hasHeader('Retry-After')) reply.header('Retry-After', '1')
  return reply
    .code(status)
    .headers(commonHeaders(id))
    .type('application/problem+json')
    .send(problem(code, id, extras))
}

/** The same on a connection that carried something that is not a request. The connection is closed. */
export function refuseConnection(socket: Socket, code: ErrorCode, requestId: string): void {
  if (!socket.writable) return
  const status = statusOf(code)
  const body = problem(code, requestId)
  const headers = {
    ...commonHeaders(requestId),
    'Content-Type': 'application/problem+json',
    'Content-Length': Buffer.byteLength(body),
    Connection: 'close',
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`, () => socket.destroySoon())
}

/** On every answer of the admin listener. A page of the dashboard sets a content policy of its own. */
export const commonHeaders = (requestId: string): Record<string, string> => ({
  'X-Request-Id': requestId,
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
})

/** What a thrown error means to a caller; `INTERNAL` for all that is not known to be the caller's. */
export function codeOf(error: FastifyError | Error): ErrorCode {
  if (error instanceof StoreUnavailable) return 'KEY_STORE_UNAVAILABLE'
  if (error instanceof PasswordsBusy) return 'OVERLOADED'
  const name = 'code' in error ? String(error.code) : ''
  const status = 'statusCode' in error ? error.statusCode : undefined
  return byName[name] ?? (typeof status === 'number' ? byStatus[status] : undefined) ?? 'INTERNAL'
}

/** For what the HTTP parser could not make a request of: then it is the caller's fault. */
export function connectionCodeOf(error: Error): ErrorCode {
  const code = codeOf(error)
  return code === 'INTERNAL' ? 'BAD_REQUEST' : code
}

const byName: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_BAD_URL: 'BAD_REQUEST_TARGET',
  FST_ERR_MAX_PARAM_LENGTH: 'NOT_FOUND',
  FST_ERR_VALIDATION: 'VALIDATION_FAILED',
  HPE_HEADER_OVERFLOW: 'HEADERS_TOO_LARGE',
  HPE_INVALID_VERSION: 'VERSION_NOT_SUPPORTED',
  ERR_HTTP_REQUEST_TIMEOUT: 'REQUEST_TIMEOUT',
}

const byStatus: Readonly<Record<number, ErrorCode>> = {
  400: 'BAD_REQUEST',
  413: 'BODY_TOO_LARGE',
  414: 'URI_TOO_LONG',
  415: 'UNSUPPORTED_MEDIA_TYPE',
}
