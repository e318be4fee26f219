import type { Config } from '../../config/schema.ts'
import type { Role, Store } from '../../store/store.ts'
import { outranks } from '../principal.ts'

type OidcConfig = NonNullable<Config['admin']['oidc']>

export interface MappedRoles {
  readonly isRoot: boolean
  /** By organization id; the highest of those that match. */
  readonly roles: ReadonlyMap<string, Role>
}

/** What the role mapping gives somebody with these claims. Organizations that are not there give nothing. */
export async function mapRoles(
  claims: Readonly<Record<string, unknown>>,
  { role_claim: claim, role_mapping: mapping }: Pick<OidcConfig, 'role_claim' | 'role_mapping'>,
  store: Pick<Store, 'findOrganization'>,
): Promise<MappedRoles> {
  const roles = new Map<string, Role>()
  let isRoot = false
  for (const value of claimValues(claims, claim)) {
    const given = Object.hasOwn(mapping, value) ? mapping[value] : undefined
    if (given?.root) isRoot = true
    if (given?.role === undefined || given.organization === undefined) continue
    const organization = await store.findOrganization(given.organization)
    if (organization === undefined) continue
    const other = roles.get(organization.id)
    if (other === undefined || !outranks(other, given.role)) roles.set(organization.id, given.role)
  }
  return { isRoot, roles }
}

/** Texts under the claim's whole name, or else step by step: `realm_access.roles`. */
export function claimValues(claims: Readonly<Record<string, unknown>>, name: string): readonly string[] {
  let found: unknown = Object.hasOwn(claims, name) ? claims[name] : undefined
  if (found === undefined) {
    found = claims
    for (const step of name.split('.')) {
      if (typeof found !== 'object' || found === null || !Object.hasOwn(found, step)) return []
      found = Reflect.get(found, step)
    }
  }
  const values: unknown[] = Array.isArray(found) ? found : [found]
  return values.filter((value) => typeof value === 'string').slice(0, valuesMax)
}

const valuesMax = 500
