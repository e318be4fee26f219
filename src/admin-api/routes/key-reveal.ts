import { z } from 'zod'
import { revealKey } from '../../keys/reveal.ts'
import { type AdminContext, actorOf, principalOf, type ResourceRoutes } from '../context.ts'
import { keyInPath, keyOf } from '../key-in-path.ts'
import { keyParams } from '../key-schemas.ts'
import { isProven, refuseUnproven } from '../login/proof.ts'
import type { AdminPrincipal } from '../principal.ts'
import { refuse } from '../refusals.ts'
import { bodyRefusals } from '../schemas.ts'

const reveal = z.strictObject({
  password: z
    .string()
    .min(1)
    .max(1024)
    .optional()
    .describe('Your own. Needed with a session cookie alone, if you have one.'),
})

/** Shows a secret again, where `keys.reveal` was on when it was made. */
export const keyRevealRoutes: ResourceRoutes = (app, context) => {
  const { store, config, box, events } = context
  const path = keyInPath(store)

  app.post(
    '/organizations/:organization_id/api-keys/:key_id/reveal',
    {
      config: { exists: path.exists },
      onRequest: path.handled,
      schema: {
        operationId: 'revealApiKey',
        tags: ['api-keys'],
        description:
          'The whole key once more. Needs no body; with a session cookie, the password of the operator, or where there is none a log-in of the last ten minutes.',
        params: keyParams,
        body: reveal.optional(),
        response: { ...bodyRefusals, 200: z.object({ raw_key: z.string() }).meta({ id: 'ApiKeyRevealedResponse' }) },
      },
    },
    async (request, reply) => {
      const unproven = await provesAgain(context, principalOf(request), request.body?.password)
      if (unproven === 'password_missing') return refuse(reply, 'VALIDATION_FAILED', { errors: [passwordMissing] })
      if (unproven === 'password_wrong') return refuse(reply, 'FORBIDDEN', { detail: passwordWrong })
      if (unproven === 'log_in_again') return refuseUnproven(reply, principalOf(request))
      // Whoever turns it off does not want keys shown, also not those that could be.
      if (!config().keys.reveal) return refuse(reply, 'CONFLICT', { detail: turnedOff })
      const { organizationId, id } = keyOf(request)
      const revealed = await revealKey(organizationId, id, { store, box, actor: actorOf(request) })
      if (revealed.ok) return { raw_key: revealed.secret.reveal() }
      if (revealed.reason === 'sealed') events.fault('revealing a key', revealed.error)
      return refuse(reply, 'CONFLICT', { detail: whyNot[revealed.reason] })
    },
  )
}

/**
 * A cookie may be in a browser that its owner has left: whoever has nothing else proves once more who it is.
 * @returns why it does not, undefined when it does. (Not the reply: to await one is to wait until it is sent and get nothing.)
 */
async function provesAgain(
  { verifyPassword, clock }: Pick<AdminContext, 'verifyPassword' | 'clock'>,
  principal: AdminPrincipal,
  password: string | undefined,
): Promise<'password_missing' | 'password_wrong' | 'log_in_again' | undefined> {
  if (principal.via !== 'session') return undefined
  // Who logs in with an identity provider has no password to send.
  if (!principal.operator?.hasPassword) return isProven(principal, clock.now()) ? undefined : 'log_in_again'
  if (password === undefined) return 'password_missing'
  return (await verifyPassword(principal, password)) ? undefined : 'password_wrong'
}

const passwordMissing = { path: 'password', message: 'is needed: a session must send it again to see a key' }
const passwordWrong = 'The password is wrong, or was wrong too often; try again later.'
const turnedOff = 'keys.reveal is off: no key can be shown again. Rotate the key to get a new secret.'
const whyNot = {
  not_active: 'The key is revoked or expired.',
  not_kept: 'The key was made while keys.reveal was off: it is kept as a hash alone. Rotate it to get a new secret.',
  sealed: 'The key can not be decrypted. Whoever runs the gateway finds the reason in its log.',
}
