import { isIP } from 'node:net'
import { isPublicAddress } from './address.ts'

/**
 * What is wrong with a webhook's URL by its text alone. Names are judged again, by all that they resolve to, each time a
 * connection is made (connect.ts).
 * @returns undefined when nothing is.
 */
export function targetProblem(text: string, allowPrivate: boolean): string | undefined {
  // What the WHATWG's parser mends, another one may read as another host: white space, backslashes, missing slashes.
  if (!/^https?:\/\/[^\s\\/\p{Cc}][^\s\\\p{Cc}]*$/iu.test(text)) return 'must be an absolute https URL'
  // Decimal, octal and hexadecimal hosts are plain addresses after this: the parser of the WHATWG writes them so.
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    return 'must be an absolute https URL'
  }
  if (text.length > urlMax) return `must be at most ${urlMax} characters long`
  if (url.username !== '' || url.password !== '') return 'must have no user name and password'
  if (url.hash !== '') return 'must have no fragment'
  if (allowPrivate) return undefined
  if (url.protocol === 'http:') return 'must be https; plain http needs webhooks.allow_private'
  const host = hostOf(url)
  if (isIP(host) !== 0 ? !isPublicAddress(host) : isLocalName(host)) {
    return 'must lead to a public address; others need webhooks.allow_private'
  }
  return undefined
}

/** Without the brackets of an IPv6 address. */
const hostOf = ({ hostname }: URL): string => hostname.replace(/^\[(.*)\]$/, '$1')

/** RFC 6761 and 6762: whatever they resolve to, it is on this machine or this network. */
const isLocalName = (host: string): boolean => /(^|\.)(localhost|local|internal|home\.arpa)\.?$/.test(host)

const urlMax = 2048
