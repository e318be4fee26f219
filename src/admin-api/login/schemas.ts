import { z } from 'zod'
import type { Store } from '../../store/store.ts'
import { nullInRepeat } from '../kept-secrets.ts'
import type { AdminPrincipal } from '../principal.ts'
import { optionalTime, time } from '../schemas.ts'
import { provedUntil } from './proof.ts'

export const email = z
  .string()
  .trim()
  .toLowerCase()
  .max(254)
  .pipe(z.email('is not an e-mail address'))
  .meta({ description: 'Compared in lower case.' })

/** Of one that is being set. Length is what counts; 1024 bounds the work of hashing it. */
export const newPassword = z.string().min(12, 'must have 12 characters or more').max(1024)
/** Of one that is being asked for. */
export const anyPassword = z.string().min(1).max(1024)

/** Of a body that everybody may send; the longest password fits, however it is escaped. */
export const logInBytesMax = 16 * 1024

export const role = z.enum(['owner', 'admin', 'engineer', 'viewer'])

export const me = z
  .object({
    id: z.string().nullable().describe('Null for SALLYPORT_ADMIN_TOKEN, which is nobody in particular.'),
    email: z.string().nullable(),
    name: z.string().nullable(),
    has_password: z
      .boolean()
      .describe('Whether there is one to ask for; without, somebody logs in at the identity provider.'),
    is_root: z.boolean().describe('Above every organization.'),
    via: z.enum(['admin_token', 'session', 'personal_token']),
    session_id: z.string().nullable(),
    proved_until: optionalTime.describe(
      'Until when this session may do what asks for a proof; null without a session.',
    ),
    roles: z
      .array(
        z.object({
          organization_id: z.string(),
          organization_name: z.string(),
          organization_slug: z.string(),
          role,
        }),
      )
      .describe('The newest 200 organizations, or the one that was asked about; GET /organizations has all, by pages.'),
    roles_total: z.number().int().describe('In how many organizations there is a role.'),
  })
  .meta({ id: 'Me' })

/** A link that sets a password, once. */
export const oneTimeLink = z
  .object({ url: z.string().nullable().describe(nullInRepeat('it was used or has ended')), expires_at: time })
  .meta({ id: 'OneTimeLink' })

export const linkRecord = ({ url, expiresAt }: { url: string; expiresAt: number }) => ({
  url,
  expires_at: new Date(expiresAt).toISOString(),
})

/** Who somebody is and what it may do where. @param organizationId the one that it is about; left out: the newest 200. */
export async function meRecord(
  store: Pick<Store, 'listOrganizations'>,
  { operator, isRoot, roles, via, sessionId, provedAt }: AdminPrincipal,
  organizationId?: string,
): Promise<z.input<typeof me>> {
  const wanted = [...roles.keys()].filter((id) => organizationId === undefined || id === organizationId)
  const organizations = await store.listOrganizations({ among: wanted, limit: 200 })
  return {
    id: operator?.id ?? null,
    email: operator?.email ?? null,
    name: operator?.name ?? null,
    has_password: operator?.hasPassword ?? false,
    is_root: isRoot,
    via,
    session_id: sessionId,
    proved_until: provedAt === null ? null : new Date(provedUntil(provedAt)).toISOString(),
    roles: organizations.flatMap(({ id, name, slug }) => {
      const own = roles.get(id)
      return own === undefined
        ? []
        : [{ organization_id: id, organization_name: name, organization_slug: slug, role: own }]
    }),
    roles_total: roles.size,
  }
}
