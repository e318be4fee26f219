import type { Finding } from './problems.ts'
import type { Config } from './schema.ts'

/** Each entry of the role mapping says one thing. */
export function* checkOidc({ oidc }: Config['admin']): Generator<Finding> {
  if (oidc === undefined) return
  if (!oidc.scopes.includes('openid') || !oidc.scopes.includes('email')) {
    yield {
      path: ['admin', 'oidc', 'scopes'],
      message: 'must have openid and email: people are known by their address',
    }
  }
  for (const [value, { role, organization, root }] of Object.entries(oidc.role_mapping)) {
    const path = ['admin', 'oidc', 'role_mapping', value]
    const one = root === true ? role === undefined && organization === undefined : role && organization
    if (!one) yield { path, message: 'must have role and organization, or root: true alone' }
  }
}
