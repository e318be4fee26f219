/** Where the data plane listens. */
export interface DataAddress {
  readonly scheme: 'http' | 'https'
  readonly host: string
  readonly port: number
}

/**
 * Where somebody who reaches the admin plane finds the data plane, as far as the gateway can tell: what stands in front of
 * it, it does not know.
 * @param asked the Host header. A data plane that listens everywhere is at the address by which the other one was found;
 * a name may be that of a proxy, which has only the one behind it.
 */
export function dataUrl({ scheme, host, port }: DataAddress, asked: string | undefined): string {
  return `${scheme}://${nameOf(host, asked)}:${port}`
}

function nameOf(host: string, asked = ''): string {
  if (host !== '0.0.0.0' && host !== '::') return host.includes(':') ? `[${host}]` : host
  const name = literal.exec(asked)?.[1]?.toLowerCase() ?? '127.0.0.1'
  // 0.0.0.0 is every address of version 4, and none of version 6.
  return host === '0.0.0.0' && name.startsWith('[') ? '127.0.0.1' : name
}

const literal = /^(\[[0-9a-f:.]+\]|\d{1,3}(?:\.\d{1,3}){3}|(?:[a-z0-9-]+\.)*localhost)(?::\d{1,5})?$/i
