import type { IncomingHttpHeaders } from 'node:http'
import { isIP } from 'node:net'

/**
 * RFC 9112 section 3.2.2: a proxy between may judge by one name what is served here by the other.
 * @returns what to serve in origin-form; undefined for an absolute one whose authority is not the Host.
 */
export function originForm(target: string, host: string | undefined): string | undefined {
  if (target.startsWith('/') || target === '*') return target
  const [, authority = '', rest = ''] = /^https?:\/\/([^/?#]+)(.*)$/is.exec(target) ?? []
  if (authority === '' || authority.toLowerCase() !== host?.toLowerCase()) return undefined
  return rest.startsWith('/') ? rest : `/${rest}`
}

/**
 * Names that the admin plane answers to. A page of somebody else's can give its own name our address (DNS rebinding) and
 * would then be of our origin; what a browser can't be made to do is to send another name than the page's. So: loopback
 * names, literal addresses, which nobody's DNS can point elsewhere, the name of `admin.listen`, and those in `admin.hosts`.
 * @param host as in the Host header. The port may be any: tunnels and containers have others in front.
 */
export function isOwnHost(
  host: string | undefined,
  own: { readonly listen: string; readonly hosts: readonly string[] },
) {
  const [, bracketed, plain] = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?$/i.exec(host ?? '') ?? []
  if (bracketed !== undefined) return isIP(bracketed) === 6
  if (plain === undefined) return false
  const name = plain.toLowerCase().replace(/\.$/, '')
  if (isIP(name) === 4 || name === 'localhost' || name.endsWith('.localhost')) return true
  return name === own.listen.toLowerCase() || own.hosts.some((other) => other.toLowerCase() === name)
}

/**
 * Whether a scraper asks, by whatever name its network has for us: one that nobody outside can point anywhere, since it has
 * no dot or ends as no name of the internet does. A browser is none, whoever sent it here: it shows itself by what no page
 * can keep it from sending.
 */
export function isScraper({ host = '', ...headers }: IncomingHttpHeaders): boolean {
  if (ofBrowsers.some((name) => headers[name] !== undefined)) return false
  const [, name = ''] = /^([a-z0-9_.-]+?)\.?(?::\d{1,5})?$/i.exec(host) ?? []
  return name !== '' && (!name.includes('.') || privateNames.test(name))
}

const ofBrowsers = ['accept-language', 'origin', 'referer', 'sec-fetch-site', 'sec-fetch-mode', 'cookie'] as const
/** RFC 6761, 6762 and 8375, what ICANN keeps for private use, and the names that Kubernetes and home routers give. */
const privateNames = /\.(?:internal|local|localhost|test|home\.arpa|lan|svc)$/i
