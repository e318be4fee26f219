import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'

export interface BrowserAnswer<T = Record<string, unknown>> {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** Parsed where it is JSON. */
  readonly body: T
  /** Each Set-Cookie as it came. */
  readonly setCookies: readonly string[]
}

export interface Browser {
  /** Cookies that it holds, by name. */
  readonly cookies: Map<string, string>
  /** @param path below the admin plane. @param headers on top of what a browser sends; undefined takes one away. */
  send<T = Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string | undefined>>,
  ): Promise<BrowserAnswer<T>>
}

/**
 * What a browser does on a page of the admin plane: keeps cookies, sends Origin with everything unsafe and says where a
 * request comes from. Every header can be replaced, Host too.
 */
export function openBrowser(adminUrl: string, cookies = new Map<string, string>()): Browser {
  const { origin, hostname, port } = new URL(adminUrl)
  const send = <T>(
    method: string,
    path: string,
    body?: unknown,
    extra: Readonly<Record<string, string | undefined>> = {},
  ): Promise<BrowserAnswer<T>> => {
    const unsafe = method !== 'GET' && method !== 'HEAD'
    const text = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body)
    const sent: Record<string, string | undefined> = {
      'sec-fetch-site': 'same-origin',
      ...(unsafe && { origin }),
      ...(text !== undefined && {
        'content-type': 'application/json',
        // Node leaves it out with DELETE.
        'content-length': String(Buffer.byteLength(text)),
      }),
      ...(cookies.size > 0 && { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') }),
      ...extra,
    }
    const headers = Object.fromEntries(Object.entries(sent).filter(([, value]) => value !== undefined))
    return new Promise((resolve, reject) => {
      const request = httpRequest({ host: hostname, port, method, path, headers, agent: false }, (response) => {
        let received = ''
        response.setEncoding('utf8').on('data', (chunk: string) => {
          received += chunk
        })
        response.once('error', reject).once('end', () => {
          const setCookies = response.headers['set-cookie'] ?? []
          for (const line of setCookies) keep(cookies, line)
          const isJson = /\bjson\b/.test(response.headers['content-type'] ?? '')
          const parsed: unknown = isJson ? JSON.parse(received) : received
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: parsed as T, setCookies })
        })
      })
      // The test's own limit is the tighter one; log-ins wait for each other, and long on a crowded machine.
      request.setTimeout(60_000, () => request.destroy(new Error(`${method} ${path} was not answered`)))
      request.once('error', reject).end(text)
    })
  }
  return { cookies, send }
}

function keep(cookies: Map<string, string>, line: string): void {
  const [, name, value] = /^([^=;]+)=([^;]*)/.exec(line) ?? []
  if (name === undefined || value === undefined) return
  if (value === '' || /;\s*max-age=0/i.test(line)) cookies.delete(name)
  else cookies.set(name, value)
}
