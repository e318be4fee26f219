import { ApiError } from '../../api/client.ts'

/** Why single sign-on let nobody in, by the word that the server puts into the address. The texts are ours alone. */
const reasons: Readonly<Record<string, { readonly title: string; readonly detail: string; readonly status: number }>> =
  {
    refused: {
      status: 401,
      title: 'Single sign-on did not finish',
      detail: 'The provider refused, or this was begun more than ten minutes ago or in another browser. Begin again.',
    },
    not_verified: {
      status: 403,
      title: 'Your e-mail address is not verified',
      detail: 'The identity provider has not verified it. Verify it there, then log in again.',
    },
    not_admitted: {
      status: 403,
      title: 'You have no access yet',
      detail: 'Single sign-on knows you, and nothing here lets you in. Ask an owner to add you to the organization.',
    },
    no_answer: {
      status: 502,
      title: 'Single sign-on does not answer',
      detail:
        'The identity provider can’t be reached, or its address in the configuration is wrong. The log says more.',
    },
    too_many: {
      status: 429,
      title: 'Too many attempts',
      detail: 'Single sign-on was refused too often from your address. Wait a quarter of an hour, then begin again.',
    },
  }

/** undefined: it was not that which led here. */
export function ssoProblem(params: URLSearchParams): ApiError | undefined {
  const reason = params.get('sso') ?? ''
  const problem = Object.hasOwn(reasons, reason) ? reasons[reason] : undefined
  if (problem === undefined) return undefined
  const requestId = params.get('request_id') ?? ''
  return new ApiError({ ...problem, ...(/^[\w-]{1,64}$/.test(requestId) && { request_id: requestId }) })
}
