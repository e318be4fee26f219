import { isIP } from 'node:net'
import { z } from 'zod'
import { configBytesMax } from '../../config/load.ts'
import type { Problem } from '../../config/problems.ts'
import { ungrantable } from '../../keys/create.ts'
import { findKeyRecord } from '../../keys/find-record.ts'
import { type AdminContext, actorOf, type ResourceRoutes } from '../context.ts'
import { policy, policyProblemShape, policyRecord } from '../policy-record.ts'
import { refuse } from '../refusals.ts'
import { bodyRefusals, given, problemBody, refusals } from '../schemas.ts'

const validateBody = z.strictObject({
  yaml: z
    .string()
    .refine((text) => Buffer.byteLength(text) <= configBytesMax, 'is larger than 1 MB')
    .describe('The whole text of a configuration file.'),
})

const explainBody = z
  .strictObject({
    method: z.string().min(1).max(64),
    path: z.string().min(1).max(16_384).describe('With its query, if it has one; as it would be sent.'),
    host: z.string().max(300).optional().describe('The Host header.'),
    key_id: z
      .string()
      .min(1)
      .max(200)
      .optional()
      .describe('As this key, of any organization. One of key_id and scopes.'),
    scopes: z.array(z.string().max(200)).max(200).optional().describe('As a key made up with these scopes.'),
    workspaces: z.array(z.string().max(200)).max(200).optional().describe('Grants of that key.'),
    environment: z.string().max(64).optional().describe('Of that key.'),
    ip: z
      .string()
      .refine((text) => isIP(text) !== 0, 'is not an IP address')
      .optional()
      .describe("The caller's address; 127.0.0.1 when left out."),
  })
  .superRefine(({ key_id, scopes, workspaces, environment }, context) => {
    const complain = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message })
    if (key_id === undefined && scopes === undefined) complain('key_id', 'say who calls: send key_id or scopes')
    if (key_id === undefined) return
    if (scopes !== undefined) complain('scopes', 'send key_id or scopes, not both')
    if (workspaces !== undefined) complain('workspaces', 'goes with scopes; a key has its own grants')
    if (environment !== undefined) complain('environment', 'goes with scopes; a key has its own')
  })

const nameChanges = z.object({ added: z.array(z.string()), removed: z.array(z.string()), changed: z.array(z.string()) })
const place = z.object({ host: z.string().nullable(), path: z.string(), methods: z.array(z.string()).nullable() })
const verdict = z
  .object({
    valid: z.boolean(),
    problems: z.array(policyProblemShape),
    warnings: z.array(policyProblemShape).describe('What is legal, and maybe not meant.'),
    tests: z.array(
      z.object({
        request: z.string(),
        scopes: z.array(z.string()).nullable(),
        expected: z.string(),
        decision: z.enum(['allow', 'deny']),
        code: z.string().nullable(),
        route: z.string().nullable(),
        passed: z.boolean(),
        step: z.string().nullable(),
        detail: z.string().nullable(),
      }),
    ),
    tests_left_out: z.int(),
    changes: z
      .object({
        routes: z.object({
          added: z.array(place),
          removed: z.array(place),
          changed: z.array(place.extend({ fields: z.array(z.string()) })),
        }),
        scopes: nameChanges,
        limits: nameChanges,
        upstreams: nameChanges,
        settings: z.array(z.object({ path: z.string(), needs_restart: z.boolean() })),
        left_out: z.int(),
      })
      .nullable()
      .describe('The difference from what is in force; null where it is not valid.'),
  })
  .meta({ id: 'PolicyVerdict' })

const explanation = z
  .object({
    decision: z.enum(['allow', 'deny']),
    code: z.string().nullable(),
    status: z.int().nullable().describe('That of the refusal; null where the answer is the API’s.'),
    route: z.string().nullable(),
    steps: z.array(z.object({ step: z.string(), result: z.enum(['pass', 'deny', 'skipped']), detail: z.string() })),
  })
  .meta({ id: 'PolicyExplanation' })

const reloaded = z
  .object({ result: z.literal('accepted'), version: z.string(), changed: z.boolean() })
  .meta({ id: 'ConfigReloaded' })

/** The policy in force, what another one would change, why a request would pass or not, and reading the file again. */
export const policyRoutes: ResourceRoutes = (app, context) => {
  const { store, clock } = context
  const tags = ['policy']

  app.get('/policy', { schema: { operationId: 'getPolicy', tags, response: { ...refusals, 200: policy } } }, () =>
    policyRecord(context.policy),
  )

  app.post(
    '/policy/validate',
    {
      // Text in JSON is longer than it is.
      bodyLimit: 2 * configBytesMax + 1024,
      schema: {
        operationId: 'validatePolicy',
        tags,
        body: validateBody,
        response: { ...refusals, 413: problemBody, 415: bodyRefusals[415], 422: bodyRefusals[422], 200: verdict },
      },
    },
    async (request, reply) => {
      const answer = await context.policy.validate(request.body.yaml)
      // Written as text in its thread: nothing of it is left to do for this one.
      if (answer === undefined) refuse(reply.header('Retry-After', '5'), 'OVERLOADED')
      else
        reply
          .serializer((text: string) => text)
          .type('application/json; charset=utf-8')
          .send(answer as never)
      return reply
    },
  )

  app.post(
    '/policy/explain',
    {
      schema: {
        operationId: 'explainPolicy',
        tags,
        body: explainBody,
        response: { ...refusals, 415: bodyRefusals[415], 422: bodyRefusals[422], 200: explanation },
      },
    },
    async (request, reply) => {
      const { key_id: keyId, ...rest } = given(request.body)
      const problems = madeUpProblems(context, rest)
      if (problems !== undefined) return refuse(reply, problems.code, { errors: problems.errors })
      const record = keyId === undefined ? undefined : await findKeyRecord(store, keyId)
      if (keyId !== undefined && record === undefined) return refuse(reply, 'NOT_FOUND')
      const answer = await context.policy.explain({ ...rest, now: clock.now(), ...(record && { record }) })
      return { ...answer, steps: [...answer.steps] }
    },
  )

  app.post(
    '/config/reload',
    {
      schema: {
        operationId: 'reloadConfig',
        tags,
        body: z.strictObject({}).optional(),
        response: { ...bodyRefusals, 200: reloaded },
      },
    },
    async (request, reply) => {
      const outcome = await context.policy.reload(actorOf(request))
      if (outcome.result === 'accepted') return outcome
      if (outcome.result === 'rejected')
        return refuse(reply, 'VALIDATION_FAILED', { detail: notLoaded, errors: outcome.problems.map(asError) })
      return refuse(reply, 'CONFLICT', { detail: noFile })
    },
  )
}

const notLoaded = 'The configuration file has problems; see errors. What was in force still is.'
const noFile = 'The gateway was started without a configuration file, so there is none to read again.'

const asError = ({ line, column, path, message }: Problem) => ({
  ...{ path, message: line === 0 ? message : `${line}:${column}: ${message}` },
})

/** What no key could have. */
function madeUpProblems(
  { config }: AdminContext,
  { scopes = [], environment }: { scopes?: readonly string[]; environment?: string },
) {
  const { scopes: declared, keys } = config()
  const names = Object.keys(declared)
  const unknown = [...ungrantable(scopes, names)].map(({ path, message }) => ({ path, message }))
  if (unknown.length > 0) return { code: 'UNKNOWN_SCOPE', errors: unknown } as const
  if (environment === undefined || keys.environments.includes(environment)) return undefined
  const message = `is not among the environments of keys: ${keys.environments.join(', ') || 'there are none'}`
  return { code: 'VALIDATION_FAILED', errors: [{ path: 'environment', message }] } as const
}
