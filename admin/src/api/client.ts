import createClient from 'openapi-fetch'
import type { components, paths } from '../../../docs/reference/openapi.d.ts'

/** The admin API, by the types of its own OpenAPI document. The session cookie goes along by itself: same origin. */
export const api = createClient<paths>({ baseUrl: window.location.origin })

/** Calls back when an answer shows that nobody is logged in any more, whatever it was that was asked. */
export function whenLoggedOut(call: () => void): void {
  api.use({
    onResponse({ request, response, schemaPath }) {
      // Those that log in say with it that something was wrong, and `me` is how one asks.
      const asksWho = schemaPath === '/platform/me' && request.method === 'GET'
      const logsIn =
        schemaPath === '/platform/setup' || (schemaPath === '/platform/sessions' && request.method === 'POST')
      if (response.status === 401 && !asksWho && !logsIn) call()
    },
  })
}

type Schemas = components['schemas']
export type Schema<Name extends keyof Schemas> = Schemas[Name]
export type Problem = Schema<'Problem'>

/** What the server refused, with its problem; `status` 0: it could not be reached. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly problem: Partial<Problem> & { readonly status: number; readonly detail: string }
  /** Seconds after which it is worth another try. */
  readonly retryAfter: number | undefined

  constructor(problem: ApiError['problem'], retryAfter?: number) {
    super(problem.detail)
    this.problem = problem
    this.retryAfter = retryAfter
  }

  get status(): number {
    return this.problem.status
  }
}

interface Answer<Data> {
  data?: Data
  error?: unknown
  response: Response
}

/** The data of an answer. @throws ApiError */
export async function ok<Data>(call: Promise<Answer<Data>>): Promise<Data> {
  return (await whole(call)).data
}

/** The same, with the response for its headers. @throws ApiError */
export async function whole<Data>(call: Promise<Answer<Data>>): Promise<{ data: Data; response: Response }> {
  const answer = await call.catch((error: unknown) => {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    throw new ApiError({ status: 0, title: 'No connection', detail: 'The gateway can’t be reached from this browser.' })
  })
  const { data, error, response } = answer
  if (response.ok) return { data: data as Data, response }
  const after = Number(response.headers.get('retry-after') ?? Number.NaN)
  throw new ApiError(problemOf(error, response), Number.isFinite(after) ? after : undefined)
}

/** The same refusal in words that fit where it is shown: those of the server are for every caller. */
export function reworded(error: unknown, words: Readonly<Record<number, { title: string; detail: string }>>): unknown {
  const better = error instanceof ApiError ? words[error.status] : undefined
  if (!(error instanceof ApiError) || better === undefined) return error
  return new ApiError({ ...error.problem, ...better }, error.retryAfter)
}

function problemOf(error: unknown, response: Response): ApiError['problem'] {
  const requestId = response.headers.get('x-request-id') ?? undefined
  const fallback = { status: response.status, title: response.statusText, detail: `The answer was ${response.status}.` }
  if (typeof error !== 'object' || error === null) return { ...fallback, ...(requestId && { request_id: requestId }) }
  return { ...fallback, ...(requestId && { request_id: requestId }), ...error }
}
