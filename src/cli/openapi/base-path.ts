import { Failure, UsageFailure } from '../failure.ts'
import { field, mapOf, type OpenApiDocument } from './document.ts'

export interface BasePaths {
  /** @param servers of an operation or of its path, in place of those of the document. */
  see(place: string, servers: unknown): void
  /**
   * What stands in front of every path, without a final slash.
   * @throws Failure when servers differ in it.
   */
  common(): { readonly base: string; readonly note?: string }
}

/** The path that all `servers` of the document have, since the gateway has one address. */
export function createBasePaths(document: OpenApiDocument, chosen: string | undefined): BasePaths {
  if (chosen !== undefined) {
    if (!/^\/[^?#]*$/.test(chosen)) throw new UsageFailure('--base-path must be a path: /v1, or / for none')
    return { see: () => {}, common: () => ({ base: withoutEnd(chosen) }) }
  }
  const { root } = document
  const ofDocument = document.swagger ? [{ url: field(root, 'basePath') ?? '/' }] : field(root, 'servers')
  const seen = new Map<string, string>()
  const assumed = new Set<string>()
  return {
    see(place, servers = ofDocument) {
      for (const path of pathsOf(servers, assumed)) if (!seen.has(path)) seen.set(path, place)
    },
    common() {
      if (seen.size > 1) {
        const which = [...seen].map(([path, place]) => `${path || '/'} (${place})`).join(', ')
        throw new Failure(`the servers of the document have different paths: ${which}. Choose one with --base-path`)
      }
      const [base = ''] = seen.keys()
      const [name] = assumed
      return name === undefined ? { base } : { base, note: `paths start with ${base}, the default of {${name}}` }
    },
  }
}

/** @param assumed takes the names of variables whose default was taken. */
function* pathsOf(servers: unknown, assumed: Set<string>): Generator<string> {
  const list = Array.isArray(servers) && servers.length > 0 ? servers : [{ url: '/' }]
  for (const server of list) {
    const url = field(mapOf(server), 'url')
    if (typeof url !== 'string') throw new Failure('a server of the document has no url; add it, or give --base-path')
    const path = pathPart(url)
    if (path === undefined) {
      throw new Failure(
        `the server ${JSON.stringify(url)} is relative to wherever the document is; give its path with --base-path`,
      )
    }
    const names = [...path.matchAll(/\{([^{}]*)\}/g)].map(([, name = '']) => name)
    let variants = [path]
    for (const name of names) {
      const variable = mapOf(field(mapOf(field(mapOf(server), 'variables')), name))
      const values = valuesOf(variable)
      if (values === undefined) {
        throw new Failure(`the server ${JSON.stringify(url)} has no default for {${name}}; give --base-path`)
      }
      if (!Array.isArray(field(variable, 'enum'))) assumed.add(name)
      variants = variants.flatMap((variant) => values.map((value) => variant.replaceAll(`{${name}}`, value)))
      if (variants.length > 100) throw new Failure('the servers of the document have too many paths; give --base-path')
    }
    for (const variant of variants) yield withoutEnd(variant)
  }
}

function valuesOf(variable: ReturnType<typeof mapOf>): string[] | undefined {
  const values = field(variable, 'enum')
  const all = Array.isArray(values) && values.length > 0 ? values : [field(variable, 'default')]
  return all.every(isScalar) ? all.map(String) : undefined
}

const isScalar = (value: unknown): boolean => ['string', 'number', 'boolean'].includes(typeof value)

/** Behind scheme and host, which may hold variables. */
function pathPart(url: string): string | undefined {
  const [, path = ''] = /^(?:[A-Za-z][A-Za-z0-9+.-]*:)?\/\/[^/?#]*([^?#]*)/.exec(url) ?? []
  if (/^(?:[A-Za-z][A-Za-z0-9+.-]*:)?\/\//.test(url)) return path
  if (url === '') return ''
  return url.startsWith('/') ? url.replace(/[?#].*$/, '') : undefined
}

const withoutEnd = (path: string): string => path.replace(/(?<!\/)\/+$/, '')
