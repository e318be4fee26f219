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
