import type { KeyRecord } from '../store/store.ts'

export const checkOrganization = (key: KeyRecord): 'ORGANIZATION_SUSPENDED' | undefined =>
  key.organization.status === 'active' ? undefined : 'ORGANIZATION_SUSPENDED'
