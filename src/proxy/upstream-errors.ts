/** What undici's errors say of an upstream: no connection in time, or no HTTP. Anything else is that it is not there. */
export const isTimeout = (error: Error): boolean =>
  codeOf(error) === 'UND_ERR_CONNECT_TIMEOUT' || codeOf(error) === 'ETIMEDOUT'

export const isProtocolError = (error: Error): boolean =>
  error.name === 'HTTPParserError' ||
  ['UND_ERR_HEADERS_OVERFLOW', 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'UND_ERR_INVALID_ARG'].includes(codeOf(error)) ||
  /^bad (response|upgrade)$/.test(error.message)

const codeOf = (error: Error): string => (error as NodeJS.ErrnoException).code ?? ''
