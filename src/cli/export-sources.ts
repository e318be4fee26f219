import { apiKeyRecord, eventRecord, organizationRecord, requestRecord } from '../admin-api/records.ts'
import { given } from '../admin-api/schemas.ts'
import { keyColumns } from '../jobs/key-export.ts'
import { requestColumns } from '../jobs/request-export.ts'
import type { Found, Organization, Page, Store } from '../store/store.ts'

export type ExportKind = 'keys' | 'orgs' | 'requests' | 'events'

export interface ExportScope {
  /** All when left out. */
  readonly organizationId?: string
  /** Included. */
  readonly since?: number | undefined
  /** Not included. */
  readonly until?: number | undefined
  readonly now: number
}

type Rows = AsyncIterable<readonly Readonly<Record<string, unknown>>[]>

export interface ExportSource {
  readonly what: string
  readonly byOrganization: boolean
  /** Options of an example. */
  readonly example: string
  /** In CSV; the other formats have every field. */
  readonly columns: readonly string[]
  /** Page by page, newest first. */
  records(store: Store, scope: ExportScope): Rows
}

/** What can be exported. */
export const exportSources: Readonly<Record<ExportKind, ExportSource>> = {
  keys: {
    what: 'keys as lists show them: neither secrets nor hashes of them',
    byOrganization: true,
    example: '--org acme --format csv --out keys.csv',
    columns: ['organization_id', ...keyColumns],
    records: keys,
  },
  orgs: {
    what: 'organizations',
    byOrganization: false,
    example: '--format csv',
    columns: [
      ...['id', 'name', 'slug', 'status', 'status_reason', 'suspended_by'],
      ...['rate_limit', 'metadata', 'created_at', 'updated_at'],
    ],
    records: (store, scope) =>
      mapPages(
        created(
          pages((page) => store.listOrganizations(page)),
          scope,
        ),
        organizationRecord,
      ),
  },
  requests: {
    what: 'the request log',
    byOrganization: true,
    example: '--org acme --since 24h --format csv --out requests.csv',
    columns: requestColumns,
    records: (store, { organizationId, since, until }) => {
      const filter = given({ organizationId, since, until })
      return mapPages(
        found((page) => store.listRequests(filter, page)),
        requestRecord,
      )
    },
  },
  events: {
    what: 'the audit trail',
    byOrganization: true,
    example: '--since 2026-01-01 | jq -r .type | sort | uniq -c',
    columns: ['id', 'type', 'created_at', 'organization_id', 'target', 'actor', 'request_id', 'before', 'after'],
    records: (store, { organizationId, since, until }) => {
      const filter = given({ organizationId, since, until })
      return mapPages(
        found((page) => store.listEvents(filter, page)),
        eventRecord,
      )
    },
  },
}

async function* keys(store: Store, scope: ExportScope): Rows {
  const organizations: AsyncIterable<readonly Pick<Organization, 'id'>[]> =
    scope.organizationId === undefined ? pages((page) => store.listOrganizations(page)) : only(scope.organizationId)
  for await (const some of organizations) {
    for (const { id } of some) {
      const all = created(
        pages((page) => store.listKeys(id, {}, page)),
        scope,
      )
      yield* mapPages(all, (key) => apiKeyRecord(key, scope.now))
    }
  }
}

async function* only(id: string): AsyncGenerator<{ id: string }[]> {
  yield [{ id }]
}

/** Of a list that has a full page as long as there is more. */
const pages = <T extends { readonly id: string }>(list: (page: Page) => Promise<T[]>): AsyncGenerator<readonly T[]> =>
  found(async (page) => {
    const rows = await list(page)
    const last = rows.length < pageSize ? undefined : rows.at(-1)
    return { rows, ...(last && { next: last.id }) }
  })

/** Of a list that says how it goes on. */
async function* found<T>(list: (page: Page) => Promise<Found<T>>): AsyncGenerator<readonly T[]> {
  for (let before: string | undefined; ; ) {
    const { rows, next } = await list({ limit: pageSize, ...(before !== undefined && { before }) })
    yield rows
    if (next === undefined) return
    before = next
  }
}

/** Of lists that are sorted by when things were made, and know no filter for it. */
async function* created<T extends { readonly createdAt: number }>(
  all: AsyncIterable<readonly T[]>,
  { since = Number.NEGATIVE_INFINITY, until = Number.POSITIVE_INFINITY }: ExportScope,
): AsyncGenerator<T[]> {
  for await (const page of all) {
    yield page.filter(({ createdAt }) => createdAt >= since && createdAt < until)
    const last = page.at(-1)
    if (last !== undefined && last.createdAt < since) return
  }
}

async function* mapPages<T, R>(all: AsyncIterable<readonly T[]>, map: (row: T) => R): AsyncGenerator<R[]> {
  for await (const page of all) yield page.map(map)
}

const pageSize = 200
