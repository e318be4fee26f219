import cookie from '@fastify/cookie'
import swagger from '@fastify/swagger'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { serializerCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod'
import { StoreChanged, StoreConflict, StoreMissing } from '../store/store.ts'
import { accessOf, admit, lostRights, platformPrefix } from './admission.ts'
import type { AdminContext, ResourceRoutes } from './context.ts'
import { docsPage } from './docs-page.ts'
import { honourIdempotencyKeys } from './idempotency.ts'
import { BodyAmbiguous, BodyHoldsKey, BodyOutOfShape, jsonOrNothing } from './json-body.ts'
import { openapiOptions } from './openapi.ts'
import { codeOf, refuse } from './refusals.ts'
import { compileValidator, InputInvalid } from './validation.ts'

/**
 * The admin API: `/platform/*` and `/openapi.json`. Everything about who may do what is settled in `onRequest`, before a
 * byte of the body is read: log-in, the organization of the path, the role, the object.
 */
export function platform(context: AdminContext, resources: readonly ResourceRoutes[]) {
  const containsKey = (text: string): boolean => context.formats().containsKey(text)
  return async (parent: FastifyInstance): Promise<void> => {
    await parent.register(cookie)
    await parent.register(swagger, openapiOptions)
    await parent.register(docsPage)
    await parent.register(
      async (scope) => {
        const app = scope.withTypeProvider<ZodTypeProvider>()
        app.setValidatorCompiler(compileValidator)
        app.setSerializerCompiler(serializerCompiler)
        app.removeContentTypeParser(['application/json', 'text/plain'])
        app.addContentTypeParser('application/json', { parseAs: 'string' }, jsonOrNothing(app, containsKey))
        app.decorateRequest('principal', null)
        app.decorateRequest('organization', null)
        app.decorateRequest('role', null)
        app.addHook('onRoute', ({ method, url }) => {
          for (const each of [method].flat()) accessOf(each, url)
        })
        // A list echoes its URL in Link, and proxies and browsers write down what stands in one.
        app.addHook('onRequest', (request, reply, done) => {
          if (containsKey(request.url)) refuse(reply, 'QUERY_TOKEN_REJECTED')
          else done()
        })
        app.addHook('onRequest', (request, reply) => admit(context, request, reply))
        // Before a kept answer is given.
        app.addHook('preHandler', async (request, reply) => {
          const isSafe = request.method === 'GET' || request.method === 'HEAD'
          const lost = isSafe ? undefined : await lostRights(context, request)
          return lost === undefined ? undefined : refuse(reply, lost)
        })
        honourIdempotencyKeys(app, context)
        app.setErrorHandler((error: Error, _request, reply) => answerError(context, error, reply))
        for (const register of resources) register(app, context)
      },
      { prefix: platformPrefix },
    )
    parent.get('/openapi.json', { schema: { hide: true } }, () => parent.swagger())
  }
}

function answerError({ events }: AdminContext, error: Error, reply: FastifyReply): FastifyReply {
  if (error instanceof InputInvalid) {
    if (error.validationContext === 'params') return refuse(reply, 'NOT_FOUND')
    return refuse(reply, 'VALIDATION_FAILED', { errors: error.errors })
  }
  if (error instanceof BodyOutOfShape || error instanceof BodyHoldsKey) {
    return refuse(reply, 'VALIDATION_FAILED', { errors: [{ path: '', message: error.message }] })
  }
  if (error instanceof BodyAmbiguous) return refuse(reply, 'BAD_REQUEST', { detail: error.message })
  if (error instanceof StoreConflict)
    return refuse(reply, 'CONFLICT', { errors: [{ path: error.field, message: error.message }] })
  if (error instanceof StoreChanged) return refuse(reply, 'PRECONDITION_FAILED')
  if (error instanceof StoreMissing) {
    return refuse(reply, 'NOT_FOUND', {
      errors: [{ path: error.field, message: 'there is no such object in this organization' }],
    })
  }
  const code = codeOf(error)
  if (code === 'INTERNAL') events.fault('admin api', error)
  return refuse(reply, code)
}
