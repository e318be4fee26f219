import { keysManage } from './grantable.ts'
import type { Finding } from './problems.ts'
import type { Config } from './schema.ts'

/** What is legal, and maybe not meant. Only of a configuration without problems. */
export function* findSurprises(config: Config): Generator<Finding> {
  const { routes, upstreams, limits, scopes, trust_proxy } = config
  if (routes.length === 0) yield { path: ['routes'], message: 'there are no routes, so every request is refused' }

  const used = (names: (route: Config['routes'][number]) => readonly (string | undefined)[]) =>
    new Set(routes.flatMap(names))
  yield* unused(
    'upstreams',
    Object.keys(upstreams),
    used(({ upstream }) => [upstream]),
  )
  yield* unused(
    'limits',
    Object.keys(limits),
    used((route) => route.limits),
  )
  yield* unused(
    'scopes',
    Object.keys(scopes),
    used((route) => [...(route.scopes ?? []), ...(route.any_scope ?? []), keysManage]),
  )

  if (Object.hasOwn(scopes, keysManage)) {
    yield {
      path: ['scopes', keysManage],
      atKey: true,
      message: 'is built in and need not be declared; keys get it by name only, never by *',
    }
  }
  for (const [index, cidr] of trust_proxy.entries()) {
    if (/\/0+$/.test(cidr)) {
      yield {
        path: ['trust_proxy', index],
        message: `${cidr} is everyone: any caller can claim to come from any address, past allow-lists and limits by ip`,
      }
    }
  }
  for (const [index, { path, rewrite, deny, ...route }] of routes.entries()) {
    for (const key of ['upstream', 'scopes', 'any_scope', 'workspace'] as const) {
      if (!deny || route[key] === undefined) continue
      yield {
        path: ['routes', index, key],
        atKey: true,
        message: `is never used: the route has deny, and admits no key`,
      }
    }
    if (rewrite !== undefined && path.endsWith('/*') && !rewrite.endsWith('/*')) {
      yield {
        path: ['routes', index, 'rewrite'],
        message: `everything below ${path.slice(0, -1)} goes to the one path ${rewrite}; end it in /* to keep the rest`,
      }
    }
  }
  for (const [name, { targets, tls }] of Object.entries(upstreams)) {
    if (tls && !targets.some((target) => target.startsWith('https:'))) {
      yield {
        path: ['upstreams', name, 'tls'],
        atKey: true,
        message: 'no target of this upstream has https, so this is never used',
      }
    }
  }
}

function* unused(section: string, names: readonly string[], used: ReadonlySet<string | undefined>): Generator<Finding> {
  for (const name of names)
    if (!used.has(name)) yield { path: [section, name], atKey: true, message: 'no route uses this' }
}
