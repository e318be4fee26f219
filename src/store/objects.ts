import type { Metadata } from './basics.ts'
import type { Sealed, SecretOwner } from './sealed-secrets-store.ts'

export interface WorkspaceRef {
  readonly id: string
  readonly externalId: string | null
}

export interface RateLimitSetting {
  readonly requests: number
  readonly perMs: number
}

export type OrganizationStatus = 'active' | 'suspended'
/** What root has suspended, an owner can't resume. */
export type SuspendedBy = 'root' | 'owner'

export interface Organization {
  /** `org_…` */
  readonly id: string
  readonly name: string
  /** Unique, `[a-z0-9-]`. */
  readonly slug: string
  readonly status: OrganizationStatus
  readonly statusReason: string | null
  /** Null while it is active. */
  readonly suspendedBy: SuspendedBy | null
  readonly rateLimit: RateLimitSetting | null
  readonly metadata: Metadata
  readonly createdAt: number
  readonly updatedAt: number
}

export interface ApiKey {
  /** `key_…` */
  readonly id: string
  readonly organizationId: string
  readonly name: string
  readonly description: string
  readonly environment: string | null
  readonly scopes: readonly string[]
  readonly expiresAt: number | null
  readonly projectId: string | null
  readonly workspaces: readonly WorkspaceRef[]
  readonly allowedIps: readonly string[]
  readonly rateLimit: RateLimitSetting | null
  readonly serviceAccountId: string | null
  readonly metadata: Metadata
  readonly system: boolean
  readonly createdBy: string | null
  readonly createdAt: number
  readonly updatedAt: number
  readonly revokedAt: number | null
  readonly revokedReason: string | null
  /** The latest over all secrets. */
  readonly lastUsedAt: number | null
  /** Live ones, newest first; the last one that ended when none is live. */
  readonly secrets: readonly Secret[]
}

export interface Secret {
  readonly id: string
  /** First 12 characters. */
  readonly keyPrefix: string
  /** Last 4 characters. */
  readonly keySuffix: string
  readonly createdAt: number
  readonly expiresAt: number | null
  readonly lastUsedAt: number | null
}

/** A fresh secret as the store keeps it: never the secret itself. */
export interface NewSecret {
  readonly sha256: Buffer
  readonly keyPrefix: string
  readonly keySuffix: string
  /** Makes the encrypted copy that is kept so that the secret can be shown again. Left out: none is kept. */
  readonly seal?: (owner: SecretOwner) => Sealed
}

export type NewKey = Pick<ApiKey, 'organizationId' | 'name' | 'scopes' | 'environment'> &
  Partial<
    Pick<
      ApiKey,
      | 'description'
      | 'expiresAt'
      | 'projectId'
      | 'allowedIps'
      | 'rateLimit'
      | 'serviceAccountId'
      | 'metadata'
      | 'system'
    >
  > & {
    readonly workspaceIds?: readonly string[]
    readonly secret: NewSecret
  }
