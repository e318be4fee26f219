import type { RouteConfig } from '../config/schema.ts'
import { canonicalPath } from '../path.ts'
import type { Exchange } from './exchange.ts'
import type { Step } from './route.ts'

/**
 * `strip_prefix` and `rewrite`: the path that goes upstream. The result passes the same checks as a path from outside.
 * @param isAmbiguous whether it could be taken for one that another rule judges.
 * @returns undefined when the path goes on as it is.
 */
export function compileRewrite(
  route: RouteConfig,
  isAmbiguous: (exchange: Exchange, path: string) => boolean,
): Step | undefined {
  const change = changeOf(route)
  if (change === undefined) return undefined
  return {
    name: 'rewrite',
    run(exchange) {
      const path = change(exchange)
      if (canonicalPath(path) !== path) return 'BAD_REQUEST_TARGET'
      if (isAmbiguous(exchange, path)) return 'NOT_FOUND'
      exchange.upstreamTarget = path + exchange.query
      return undefined
    },
  }
}

function changeOf({ path, strip_prefix: prefix, rewrite }: RouteConfig): ((exchange: Exchange) => string) | undefined {
  if (prefix !== undefined) {
    const length = prefix.replace(/\/$/, '').length
    return (exchange) => exchange.path.slice(length) || '/'
  }
  if (rewrite === undefined) return undefined
  const depth = path.split('/').length - 1
  const segments = rewrite.split('/').slice(1)
  return (exchange) => {
    let result = ''
    for (const segment of segments) {
      if (segment === '*') result += restOf(exchange.path, depth)
      else result += `/${segment.startsWith(':') ? (exchange.params[segment.slice(1)] ?? '') : segment}`
    }
    return result || '/'
  }
}

/** What the final `*` of a pattern of this depth stood for, with its leading slash; '' when nothing. */
function restOf(path: string, depth: number): string {
  const rest = path.split('/').slice(depth).join('/')
  return rest === '' ? '' : `/${rest}`
}
