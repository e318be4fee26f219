import { z } from 'zod'
import { actorOf, type ResourceRoutes } from '../context.ts'
import { keyInPath, keyOf } from '../key-in-path.ts'
import { keyParams } from '../key-schemas.ts'
import { pageOf, pageQuery, sendPage } from '../paging.ts'
import { refuse } from '../refusals.ts'
import { problemBody, refusals } from '../schemas.ts'
import { workspace, workspaceExists, workspaceOf, workspaceRecordOf } from './workspaces.ts'

const params = keyParams.extend({ workspace_id: z.string() })

/** Which workspaces a key may reach. One without any is valid, and reaches what is not in a workspace. */
export const keyWorkspaceRoutes: ResourceRoutes = (app, { store }) => {
  const key = keyInPath(store)
  const isThere = workspaceExists(store)
  const tags = ['api-keys', 'workspaces']

  app.get(
    '/organizations/:organization_id/api-keys/:key_id/workspaces',
    {
      config: { exists: key.exists },
      schema: {
        operationId: 'listApiKeyWorkspaces',
        tags,
        params: keyParams,
        querystring: z.strictObject(pageQuery),
        response: { ...refusals, 200: z.array(workspace) },
      },
    },
    async (request, reply) => {
      const page = pageOf(request.query)
      const { organizationId, id } = keyOf(request)
      const granted = await store.listKeyWorkspaces(organizationId, id, page)
      return sendPage(request, reply, page, granted.map(workspaceRecordOf))
    },
  )

  app.put(
    '/organizations/:organization_id/api-keys/:key_id/workspaces/:workspace_id',
    {
      config: { exists: async (request) => (await key.exists(request)) && (await isThere(request)) },
      onRequest: key.handled,
      schema: {
        operationId: 'grantWorkspace',
        tags,
        params,
        response: { ...refusals, 200: workspace, 409: problemBody.describe('The key is bound to another workspace.') },
      },
    },
    async (request, reply) => {
      const { organizationId, id } = keyOf(request)
      const to = workspaceOf(request)
      const isGranted = await store.grantWorkspace(organizationId, id, to.id, actorOf(request))
      return isGranted ? workspaceRecordOf(to) : refuse(reply, 'NOT_FOUND')
    },
  )

  app.delete(
    '/organizations/:organization_id/api-keys/:key_id/workspaces/:workspace_id',
    {
      config: { exists: async (request) => (await key.exists(request)) && (await isThere(request)) },
      onRequest: key.handled,
      schema: {
        operationId: 'ungrantWorkspace',
        tags,
        params,
        response: { ...refusals, 204: z.null().describe('The key does not reach this workspace any more.') },
      },
    },
    async (request, reply) => {
      const { organizationId, id } = keyOf(request)
      const done = await store.ungrantWorkspace(organizationId, id, workspaceOf(request).id, actorOf(request))
      return done ? reply.code(204).send(null) : refuse(reply, 'NOT_FOUND')
    },
  )
}
