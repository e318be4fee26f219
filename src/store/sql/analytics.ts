import type { AnalyticsQuery, AnalyticsStore } from '../analytics-store.ts'
import type { Reader, SqlEngine } from './engine.ts'
import { pruneRollups } from './prune-rollups.ts'
import type { Dimension } from './rollup-kinds.ts'
import { type Selection, type Summed, sumsBy, topNames } from './rollup-sums.ts'

type MostAsked = AnalyticsQuery & { readonly limit: number }

/** Analytics, answered from the sums alone. */
export function analyticsMethods({ db }: SqlEngine): AnalyticsStore {
  const mostAsked = async (dimension: Dimension, { limit, ...query }: MostAsked, name?: string): Promise<Summed[]> => {
    const selection = { ...query, dimension, ...(name !== undefined && { names: [name] }) }
    // Two steps: latencies are added up for those alone that are shown.
    const names = await topNames(db, selection, limit)
    return names.length === 0 ? [] : inOrder(names, await sumsBy('name', db, { ...selection, names }))
  }
  /** The sums of a key are found by its organization. @returns undefined for one that is gone with it. */
  const ownerOf = async (keyId: string, { organizationId }: AnalyticsQuery) =>
    organizationId === undefined ? (await describeKeys(db, [keyId])).get(keyId)?.organizationId : organizationId

  return {
    async requestsOverTime({ route, keyId, ...query }) {
      if (keyId === undefined) {
        const names = route === undefined ? {} : { names: [route] }
        const rows = await sumsBy('from', db, { ...query, ...names, dimension: 'route' })
        return rows.map(({ from, sums }) => ({ at: from, ...sums }))
      }
      const organizationId = await ownerOf(keyId, query)
      if (organizationId === undefined) return []
      const rows = await sumsBy('from', db, { ...query, organizationId, dimension: 'key', names: [keyId] })
      return rows.map(({ from, sums }) => ({ at: from, ...sums }))
    },

    async requestsByRoute({ route, ...query }) {
      const rows = await mostAsked('route', query, route)
      return rows.map(({ name, sums }) => ({ route: name === '' ? null : name, ...sums }))
    },

    async requestsByKey({ keyId, limit, ...query }) {
      const organizationId = keyId === undefined ? query.organizationId : await ownerOf(keyId, query)
      if (keyId !== undefined && organizationId === undefined) return []
      const selection = { ...query, dimension: 'key', ...(organizationId !== undefined && { organizationId }) } as const
      const names = keyId === undefined ? await topNames(db, selection, limit) : [keyId]
      const keys = await describeKeys(db, names)
      const rows = await sumsOfKeys(db, selection, names, keys)
      return rows.map(({ name, sums }) => ({ keyId: name, ...(keys.get(name) ?? goneKey), ...sums }))
    },

    async requestsByCode(query) {
      const rows = await mostAsked('code', query)
      return rows.map(({ name, sums }) => ({ code: name, ...sums }))
    },

    pruneAnalytics: (before, limit) => pruneRollups(db, before, limit),
  }
}

/** In the order of `names`. Where the question has no organization, those of the keys say where their sums are. */
async function sumsOfKeys(db: Reader, selection: Selection, names: readonly string[], keys: Descriptions) {
  if (names.length === 0) return []
  if (selection.organizationId !== undefined) return inOrder(names, await sumsBy('name', db, { ...selection, names }))
  const owners = new Map([...keys].map(([id, { organizationId }]) => [id, organizationId]))
  const gone = names.filter((name) => !owners.has(name))
  const known = owners.size === 0 ? [] : await sumsBy('name', db, { ...selection, owners })
  const others = gone.length === 0 ? [] : await sumsBy('name', db, { ...selection, names: gone })
  return inOrder(names, [...known, ...others])
}

function inOrder(names: readonly string[], rows: Summed[]): Summed[] {
  const places = new Map(names.map((name, place) => [name, place]))
  return rows.sort((one, other) => (places.get(one.name) ?? 0) - (places.get(other.name) ?? 0))
}

type Descriptions = ReadonlyMap<string, { name: string; keyPrefix: string; organizationId: string }>

/** What people know keys by; deleted ones, too. */
async function describeKeys(db: Reader, ids: readonly string[]): Promise<Descriptions> {
  if (ids.length === 0) return new Map()
  const rows = await db
    .selectFrom('api_keys')
    .innerJoin('key_secrets', 'key_secrets.key_id', 'api_keys.id')
    .select(['api_keys.id', 'api_keys.name', 'api_keys.organization_id', 'key_secrets.key_prefix'])
    .where('api_keys.id', 'in', ids)
    // The newest secret comes last, and stays.
    .orderBy('key_secrets.id')
    .execute()
  return new Map(
    rows.map(({ id, name, organization_id, key_prefix }) => [
      id,
      { name, keyPrefix: key_prefix, organizationId: organization_id },
    ]),
  )
}

const goneKey = { name: null, keyPrefix: null, organizationId: null }
