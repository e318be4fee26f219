import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ApiKey, ServiceAccount, Store } from '../store/store.ts'
import { organizationOf } from './context.ts'
import { mayEndKey, mayHandleKey } from './grants.ts'
import type { AccessRole } from './principal.ts'
import { refuse } from './refusals.ts'

/** What the routes of one key have in common; all of it is settled before the body is read. */
export interface KeyInPath {
  /** For `config.exists`. */
  exists(request: FastifyRequest): Promise<boolean>
  /** For `onRequest`: refuses whoever may not have this key in hand. */
  handled(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined>
  /** For `onRequest`: refuses whoever may not revoke it. */
  ended(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined>
}

const found = new WeakMap<FastifyRequest, ApiKey>()

export function keyInPath(store: Pick<Store, 'findKey' | 'findServiceAccount'>): KeyInPath {
  const guard = (may: (own: AccessRole, key: ApiKey, owner: ServiceAccount | undefined) => boolean) => {
    return async (request: FastifyRequest, reply: FastifyReply) => {
      const key = keyOf(request)
      return may(roleOf(request), key, await ownerOf(store, key)) ? undefined : refuse(reply, 'FORBIDDEN')
    }
  }
  return {
    async exists(request) {
      const { key_id: keyId } = request.params as { key_id: string }
      const key = await store.findKey(organizationOf(request).id, keyId)
      if (key !== undefined) found.set(request, key)
      return key !== undefined
    },
    handled: guard(mayHandleKey),
    ended: guard(mayEndKey),
  }
}

/** The key of the path, as it was before the body was read. */
export function keyOf(request: FastifyRequest): ApiKey {
  const key = found.get(request)
  if (key === undefined) throw new Error('this route does not look for the key in its path')
  return key
}

/** The caller's role in the organization of the path. */
export function roleOf({ role }: FastifyRequest): AccessRole {
  if (role === null) throw new Error('there is no organization in the path of this route')
  return role
}

/** The service account that owns a key. */
export async function ownerOf(
  store: Pick<Store, 'findServiceAccount'>,
  { organizationId, serviceAccountId }: Pick<ApiKey, 'organizationId' | 'serviceAccountId'>,
): Promise<ServiceAccount | undefined> {
  return serviceAccountId === null ? undefined : await store.findServiceAccount(organizationId, serviceAccountId)
}
