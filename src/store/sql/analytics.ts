import type { AnalyticsQuery, AnalyticsStore } from '../analytics-store.ts'
import type { Reader, SqlEngine } from './engine.ts'
import { pruneRollups } from './prune-rollups.ts'
import type { Dimension } from './rollup-kinds.ts'
import { sumsBy, topNames } from './rollup-sums.ts'

/** Analytics, answered from the sums alone. */
export function analyticsMethods({ db }: SqlEngine): AnalyticsStore {
  const mostAsked = async (dimension: Dimension, query: AnalyticsQuery & { readonly limit: number }, name?: string) => {
    const { limit, ...about } = query
    const selection = { ...about, dimension, ...(name !== undefined && { names: [name] }) }
    // Two steps: latencies are added up for those alone that are shown.
    const names = await topNames(db, selection, limit)
    const rows = names.length === 0 ? [] : await sumsBy('name', db, { ...selection, names })
    return rows.sort((one, other) => names.indexOf(one.name) - names.indexOf(other.name))
  }

  return {
    async requestsOverTime({ route, keyId, ...query }) {
      if (keyId === undefined) {
        const names = route === undefined ? {} : { names: [route] }
        const rows = await sumsBy('from', db, { ...query, ...names, dimension: 'route' })
        return rows.map(({ from, sums }) => ({ at: from, ...sums }))
      }
      // The sums of a key are found by its organization.
      const organizationId = query.organizationId ?? (await describeKeys(db, [keyId])).get(keyId)?.organizationId
      if (organizationId === undefined) return []
      const rows = await sumsBy('from', db, { ...query, organizationId, dimension: 'key', names: [keyId] })
      return rows.map(({ from, sums }) => ({ at: from, ...sums }))
    },

    async requestsByRoute({ route, ...query }) {
      const rows = await mostAsked('route', query, route)
      return rows.map(({ name, sums }) => ({ route: name === '' ? null : name, ...sums }))
    },

    async requestsByKey({ keyId, ...query }) {
      const rows = await mostAsked('key', query, keyId)
      const keys = await describeKeys(
        db,
        rows.map(({ name }) => name),
      )
      return rows.map(({ name, sums }) => ({ keyId: name, ...(keys.get(name) ?? goneKey), ...sums }))
    },

    async requestsByCode(query) {
      const rows = await mostAsked('code', query)
      return rows.map(({ name, sums }) => ({ code: name, ...sums }))
    },

    pruneAnalytics: (before, limit) => pruneRollups(db, before, limit),
  }
}

/** What people know keys by; deleted ones, too. */
async function describeKeys(db: Reader, ids: readonly string[]) {
  if (ids.length === 0) return new Map<string, never>()
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
