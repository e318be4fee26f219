/**
 * The one form of a host with or without port, in which those of routes and those of requests are compared: lower case,
 * without the final dot of the root, the port without leading zeros.
 */
export const canonicalHost = (host: string): string =>
  host
    .toLowerCase()
    .replace(/\.(?=:|$)/, '')
    .replace(/:0+(?=\d)/, ':')
