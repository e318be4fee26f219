import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { ErrorCode } from '../../errors.ts'
import type { AdminContext, ResourceRoutes } from '../context.ts'
import { clearCookie, readCookie, setCookie } from '../login/cookies.ts'
import { noteRefusal } from '../login/note-log-in.ts'
import { createOidcClient, type OidcConfig } from '../login/oidc.ts'
import { mapRoles } from '../login/oidc-roles.ts'
import { startSession } from '../login/start-session.ts'
import { createLoginThrottle } from '../login/throttle.ts'
import { refuse } from '../refusals.ts'
import { problemBody } from '../schemas.ts'

const redirect = z.null().describe('A redirect. A browser that is refused comes to the log-in page with it.')
const answers = {
  302: redirect,
  404: problemBody.describe('There is no identity provider.'),
  502: problemBody.describe('The identity provider does not answer.'),
  503: problemBody,
}

/** Log-in with an identity provider. Browsers follow links here, so both are GET; state, nonce and PKCE keep strangers out. */
export const oidcRoutes: ResourceRoutes = (app, context) => {
  const { config, events, store, clock } = context
  const client = createOidcClient()
  const throttle = createLoginThrottle(clock)
  const tags = ['sessions']

  app.get(
    '/auth/oidc',
    {
      schema: {
        operationId: 'beginOidcLogIn',
        tags,
        security: [],
        querystring: z.object({
          prompt: z
            .literal('login')
            .optional()
            .describe(
              'Has the provider ask who it is, also somebody whom it knows: what asks for a proof counts from then.',
            ),
        }),
        response: { ...answers, 422: problemBody },
      },
    },
    async (request, reply) => {
      const settings = config().admin.oidc
      if (settings === undefined) return refuse(reply, 'NOT_FOUND')
      try {
        const { url, cookie } = await client.begin(
          settings,
          redirectUrl(settings, context),
          request.query.prompt !== undefined,
        )
        setCookie(reply, 'oidc', cookie)
        return await reply.redirect(url)
      } catch (error) {
        events.fault('oidc discovery', error)
        return answerRefusal(request, reply, 'no_answer')
      }
    },
  )

  app.get(
    '/auth/oidc/callback',
    {
      schema: {
        operationId: 'finishOidcLogIn',
        tags,
        security: [],
        querystring: z.looseObject({ code: z.unknown().optional(), state: z.unknown().optional() }),
        response: {
          ...answers,
          401: problemBody.describe('Not the end of a log-in that this browser began, or the provider refused.'),
          403: problemBody.describe('The provider knows this person, and nothing here lets it in.'),
          429: problemBody,
        },
      },
    },
    async (request, reply) => {
      const settings = config().admin.oidc
      if (settings === undefined) return refuse(reply, 'NOT_FOUND')
      const cookie = readCookie(request, 'oidc')
      // Used once, whatever comes of it.
      clearCookie(reply, 'oidc')
      const turnAway = (reason: RefusalReason, email?: string): FastifyReply => {
        noteRefusal(context, request, 'oidc', { retryAfterMs: 0, operatorId: null }, email)
        return answerRefusal(request, reply, reason)
      }
      const returned = new URL(redirectUrl(settings, context))
      returned.search = new URL(request.url, 'http://localhost').search
      // Not counted: it costs nothing, and would use up the attempts of an address that others share.
      if (!client.isAnswer(returned, cookie)) return turnAway('refused')
      const attempt = { address: request.ip, account: 'oidc', device: `oidc ${request.ip}` }
      const retryAfterMs = throttle.take(attempt)
      if (retryAfterMs > 0) {
        noteRefusal(context, request, 'oidc', { retryAfterMs, operatorId: null })
        return answerRefusal(request, reply.header('Retry-After', String(Math.ceil(retryAfterMs / 1000))), 'too_many')
      }
      let identity: Awaited<ReturnType<typeof client.finish>>
      try {
        identity = await client.finish(settings, returned, cookie)
      } catch (error) {
        events.fault('oidc log-in', error)
        return turnAway('refused')
      }
      if (identity === undefined) return turnAway('refused')
      throttle.succeeded(attempt)
      const { subject, email, name, claims, authenticatedAt } = identity
      if (email === undefined) return turnAway('not_verified')
      const mapped = await mapRoles(claims, settings, store)
      const operator = await store.admitFromOidc(
        { subject, email, name: name ?? email, ...mapped },
        { type: 'system', id: 'oidc', requestId: request.id },
      )
      if (typeof operator === 'string') return turnAway('not_admitted', email)
      // A provider that says nothing has asked as far as anybody knows; one that says when may have known the browser.
      const provedAt = Math.min(authenticatedAt ?? clock.now(), clock.now())
      await startSession(context, request, reply, { operator, method: 'oidc', provedAt })
      return toDashboard(reply)
    },
  )
}

const toDashboard = (reply: FastifyReply): FastifyReply => reply.redirect('/')

const redirectUrl = ({ redirect_url: url }: OidcConfig, { adminUrl }: Pick<AdminContext, 'adminUrl'>): string =>
  url ?? `${adminUrl()}/platform/auth/oidc/callback`

type RefusalReason = 'no_answer' | 'refused' | 'not_verified' | 'not_admitted' | 'too_many'

/**
 * A browser that followed a link gets the log-in page, which says the reason in words of its own: nothing in the address
 * can put a text there. A program gets the problem.
 */
function answerRefusal(request: FastifyRequest, reply: FastifyReply, reason: RefusalReason): FastifyReply {
  const { code, detail } = refusalOf[reason]
  if (request.headers.accept?.includes('text/html')) {
    return reply.redirect(`/login?${new URLSearchParams({ sso: reason, request_id: request.id })}`)
  }
  return refuse(reply, code, detail === undefined ? {} : { detail })
}

const refusalOf: Readonly<Record<RefusalReason, { readonly code: ErrorCode; readonly detail?: string }>> = {
  no_answer: {
    code: 'UPSTREAM_UNAVAILABLE',
    detail: 'The identity provider does not answer, or its address in admin.oidc.issuer is wrong. The log says more.',
  },
  refused: {
    code: 'UNAUTHENTICATED',
    detail:
      'This is not the end of a log-in that this browser began in the last ten minutes, or the provider refused. Begin again.',
  },
  not_verified: {
    code: 'FORBIDDEN',
    detail: 'The identity provider has not verified your e-mail address. Verify it there, then log in again.',
  },
  not_admitted: {
    code: 'FORBIDDEN',
    detail:
      'Nothing lets you in: ask an owner to add you to the organization, or to map one of your groups in admin.oidc.role_mapping.',
  },
  too_many: { code: 'RATE_LIMITED' },
}
