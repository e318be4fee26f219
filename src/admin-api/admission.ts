import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ErrorCode } from '../errors.ts'
import { type Access, accessTable, provenOnly } from './access.ts'
import type { AdminContext } from './context.ts'
import { isTlsCookie, readCookie } from './login/cookies.ts'
import { isProven, refuseUnproven } from './login/proof.ts'
import { isOwnOrigin, isOwnOrNoOrigin } from './origin.ts'
import { type AdminCredentials, type AdminPrincipal, outranks, roleIn } from './principal.ts'
import { refuse } from './refusals.ts'

export const platformPrefix = '/platform'

/** @throws for a route that the access table does not know: nobody has said who may call it. */
export function accessOf(method: string, url: string): Access {
  const access = accessTable[endpointOf(method, url)]
  if (access === undefined) throw new Error(`${method} ${url} is not in the access table`)
  return access
}

/** Whether a session must have proved lately who it is. */
export const asksForProof = (method: string, url: string): boolean => provenOnly.has(endpointOf(method, url))

const endpointOf = (method: string, url: string): string =>
  `${method === 'HEAD' ? 'GET' : method} ${url.slice(platformPrefix.length)}`

/** @returns the reply when it has refused, undefined when the request may go on. */
export async function admit(
  context: AdminContext,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply | undefined> {
  const access = accessOf(request.method, request.routeOptions.url ?? '')
  if (access === 'none') return isOwnOrNoOrigin(request) ? undefined : refuse(reply, 'FORBIDDEN')
  const principal = await context.authenticate(credentialsOf(request))
  if (principal === undefined)
    return refuse(reply.header('WWW-Authenticate', 'Bearer realm="sallyport"'), 'UNAUTHENTICATED')
  // Only a cookie comes along without the caller's will; a token is sent by whoever knows it.
  if (principal.via === 'session' && !isOwnOrigin(request, isTlsCookie(request, 'session'))) {
    return refuse(reply, 'FORBIDDEN', { detail: notOurPage })
  }
  request.principal = principal

  const { organization_id: organizationId } = request.params as { organization_id?: string }
  if (organizationId === undefined) {
    if (access !== 'any' && !principal.isRoot) return refuse(reply, 'FORBIDDEN')
    return (await objectExists(request))
      ? provenOrRefused(context, principal, request, reply)
      : refuse(reply, 'NOT_FOUND')
  }
  const role = roleIn(principal, organizationId)
  const organization = role === undefined ? undefined : await context.store.findOrganization(organizationId)
  // By its id alone: a slug in the path would be a second name for the same object, and for another one after a change.
  if (role === undefined || organization?.id !== organizationId) return refuse(reply, 'NOT_FOUND')
  request.organization = organization
  request.role = role
  if (!(await objectExists(request))) return refuse(reply, 'NOT_FOUND')
  if (access !== 'any' && !outranks(role, access)) return refuse(reply, 'FORBIDDEN')
  return provenOrRefused(context, principal, request, reply)
}

/**
 * Once more, when the body is there, or work was done that takes seconds: whoever sees it coming could begin a request while
 * it has the rights, and end it when it has them no more.
 * @returns what to refuse with; undefined when the caller has all that it was let in with. @throws StoreUnavailable
 */
export async function lostRights(
  { authenticate }: Pick<AdminContext, 'authenticate'>,
  request: FastifyRequest,
): Promise<ErrorCode | undefined> {
  const { principal, organization, role } = request
  if (principal === null) return undefined
  const current = await authenticate(credentialsOf(request))
  if (current === undefined) return 'UNAUTHENTICATED'
  if (principal.isRoot && !current.isRoot) return 'FORBIDDEN'
  if (organization !== null && role !== null) {
    const roleNow = roleIn(current, organization.id)
    if (roleNow === undefined) return 'NOT_FOUND'
    if (!outranks(roleNow, role)) return 'FORBIDDEN'
  }
  request.principal = current
  return undefined
}

function provenOrRefused(
  { clock }: Pick<AdminContext, 'clock'>,
  principal: AdminPrincipal,
  { method, routeOptions }: FastifyRequest,
  reply: FastifyReply,
): FastifyReply | undefined {
  if (!asksForProof(method, routeOptions.url ?? '') || isProven(principal, clock.now())) return undefined
  return refuseUnproven(reply, principal)
}

/** Whether the caller of a request that is still under way could make it again now. @throws StoreUnavailable */
export async function isStillAdmitted(
  context: AdminContext,
  request: FastifyRequest,
  credentials: AdminCredentials,
): Promise<boolean> {
  const principal = await context.authenticate(credentials)
  if (principal === undefined) return false
  const access = accessOf(request.method, request.routeOptions.url ?? '')
  const role = request.organization === null ? undefined : roleIn(principal, request.organization.id)
  if (access === 'any' || access === 'none' || principal.isRoot) return true
  return role !== undefined && outranks(role, access)
}

export const credentialsOf = (request: FastifyRequest): AdminCredentials => ({
  bearer: bearerOf(request),
  session: readCookie(request, 'session'),
})

/** A value, not the reply: to await a reply is to wait until it is sent, and gives undefined. */
async function objectExists(request: FastifyRequest): Promise<boolean> {
  const { exists } = request.routeOptions.config
  return exists === undefined || (await exists(request))
}

const notOurPage =
  'A session cookie counts only with requests of a page of this gateway: Origin must be its address. Scripts use a token.'

function bearerOf({ headers }: FastifyRequest): string | undefined {
  return /^bearer ([\x21-\x7e]+)$/i.exec(headers.authorization ?? '')?.[1]
}
