import { type Demand, demandOf } from './demand.ts'
import { type Fields, field, follow, mapOf, type OpenApiDocument } from './document.ts'

/** How the document asks for credentials. */
export interface Security {
  /** What a `security` list asks; undefined for one that is not there. */
  demandOf(security: unknown): Asked
  /** What the document says of its scopes. */
  readonly descriptions: ReadonlyMap<string, string>
}

export interface Asked {
  readonly demand: Demand
  /** In the words of the document, for a comment. */
  readonly words: string
}

/**
 * A key of the gateway stands for every credential that the document knows: a token, an API key, a password. Scopes of
 * schemes that are asked for together are asked for together.
 */
export function readSecurity(document: OpenApiDocument): Security {
  const schemes = mapOf(
    document.swagger
      ? field(document.root, 'securityDefinitions')
      : field(mapOf(field(document.root, 'components')), 'securitySchemes'),
  )
  const known = new Map<string, Scheme | string>()
  for (const name of Object.keys(schemes ?? {})) known.set(name, readScheme(document, schemes?.[name]))
  const descriptions = new Map<string, string>()
  for (const scheme of known.values()) {
    if (typeof scheme === 'string') continue
    for (const [scope, text] of scheme.descriptions) if (!descriptions.get(scope)) descriptions.set(scope, text)
  }
  return {
    descriptions,
    demandOf: (security) => readRequirements(security, known),
  }
}

interface Scheme {
  readonly descriptions: ReadonlyMap<string, string>
}

/** @returns a complaint for what no key can stand for. */
function readScheme(document: OpenApiDocument, value: unknown): Scheme | string {
  const scheme = follow(document, value)
  if (typeof scheme === 'string') return scheme
  const type = field(scheme, 'type')
  switch (type) {
    case 'oauth2':
      return { descriptions: oauthScopes(scheme, document.swagger) }
    case 'openIdConnect':
    case 'http':
    case 'apiKey':
    case 'basic':
      return { descriptions: new Map() }
    case 'mutualTLS':
      return 'asks for a client certificate, which the gateway does not check'
    default:
      if (type === undefined) return 'has no type'
      return typeof type === 'string'
        ? `is of the type ${JSON.stringify(type)}, which is not known`
        : 'is of a type that is no text'
  }
}

function oauthScopes(scheme: Fields, swagger: boolean): Map<string, string> {
  const flows = swagger ? [scheme] : Object.values(mapOf(field(scheme, 'flows')) ?? {}).map(mapOf)
  const scopes = new Map<string, string>()
  for (const flow of flows) {
    for (const [scope, text] of Object.entries(mapOf(field(flow, 'scopes')) ?? {})) {
      if (!scopes.get(scope)) scopes.set(scope, typeof text === 'string' ? text : '')
    }
  }
  return scopes
}

function readRequirements(security: unknown, schemes: ReadonlyMap<string, Scheme | string>): Asked {
  const nobody = (why: string): Asked => ({ demand: { kind: 'nobody', why }, words: 'see below' })
  if (!Array.isArray(security)) return nobody('its security is not a list')
  if (security.length === 0) return { demand: { kind: 'public' }, words: 'no security' }
  const alternatives: string[][] = []
  const words: string[] = []
  // One that can't be judged is no reason to refuse who comes by another.
  const complaints: string[] = []
  let isOptional = false
  for (const requirement of security) {
    const map = mapOf(requirement)
    if (map === undefined) return nobody('its security holds something that is not a map of schemes')
    const complaint = Object.entries(map).map(([name, scopes]) => complaintAbout(name, scopes, schemes))
    const found = complaint.find((text) => text !== undefined)
    if (found !== undefined) complaints.push(found)
    else alternatives.push(Object.values(map).flat() as string[])
    if (Object.keys(map).length === 0) isOptional = true
    words.push(wordsOf(map))
  }
  const text = words.join(' or ')
  if (alternatives.length === 0) return { ...nobody(complaints.join('; ')), words: text }
  if (isOptional) return { demand: { kind: 'public' }, words: text }
  return { demand: demandOf(alternatives), words: text }
}

function complaintAbout(
  name: string,
  scopes: unknown,
  schemes: ReadonlyMap<string, Scheme | string>,
): string | undefined {
  const scheme = schemes.get(name)
  if (scheme === undefined) return `there is no security scheme ${JSON.stringify(name)}`
  if (typeof scheme === 'string') return `the security scheme ${JSON.stringify(name)} ${scheme}`
  if (isNames(scopes)) return undefined
  return `the scopes of ${JSON.stringify(name)} are not a list of names`
}

/** For people alone: a scheme can have any name, so nothing may be decided by it. */
const wordsOf = (requirement: Fields): string =>
  Object.entries(requirement)
    .map(([name, scopes]) => (isNames(scopes) && scopes.length > 0 ? `${name} [${scopes.join(', ')}]` : name))
    .join(' and ') || 'no credentials'

const isNames = (scopes: unknown): scopes is string[] =>
  Array.isArray(scopes) && scopes.every((scope) => typeof scope === 'string' && scope !== '')
