import type { Selectable } from 'kysely'
import type { OrganizationsTable } from '../schema.ts'
import type { Organization } from '../store.ts'

export function toOrganization(row: Selectable<OrganizationsTable>): Organization {
  return {
    id: row.id,
    name: row.name,
    slug: row.slug,
    status: row.status === 'active' ? 'active' : 'suspended',
    statusReason: row.status_reason,
    suspendedBy: row.status === 'active' ? null : row.suspended_by === 'owner' ? 'owner' : 'root',
    rateLimit: row.rate_limit === null ? null : JSON.parse(row.rate_limit),
    metadata: JSON.parse(row.metadata),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}
