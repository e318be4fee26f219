import { NotHttp1 } from './status-line.ts'

/** What undici's errors say of an upstream: no connection in time, or no HTTP. Anything else is that it is not there, or no more. */
export const isTimeout = (error: Error): boolean =>
  codeOf(error) === 'UND_ERR_CONNECT_TIMEOUT' || codeOf(error) === 'ETIMEDOUT'

/** @param begun the head was good: a length that then does not hold is that of a body that broke off. */
export const isProtocolError = (error: Error, begun: boolean): boolean =>
  error instanceof NotHttp1 ||
  error.name === 'HTTPParserError' ||
  ['UND_ERR_HEADERS_OVERFLOW', 'UND_ERR_INVALID_ARG'].includes(codeOf(error)) ||
  (codeOf(error) === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH' && !begun) ||
  /^bad (response|upgrade)$/.test(error.message)

const codeOf = (error: Error): string => (error as NodeJS.ErrnoException).code ?? ''
