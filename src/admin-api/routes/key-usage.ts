import { z } from 'zod'
import type { RequestRow } from '../../store/store.ts'
import type { ResourceRoutes } from '../context.ts'
import { keyInPath, keyOf } from '../key-in-path.ts'
import { keyParams } from '../key-schemas.ts'
import { pageOf, pageQuery, sendPart } from '../paging.ts'
import { refusals, time } from '../schemas.ts'

const usage = z
  .object({
    id: z.string(),
    key_id: z.string(),
    endpoint: z.string().describe('The path, without query.'),
    method: z.string(),
    status_code: z.int().describe('0 where the caller left before there was an answer.'),
    duration_ms: z.number(),
    request_id: z.string().nullable(),
    ip_address: z.string().nullable(),
    user_agent: z.string().nullable(),
    created_at: time,
  })
  .meta({ id: 'ApiKeyUsageRecord' })

/** The last calls of one key, allowed and refused. */
export const keyUsageRoutes: ResourceRoutes = (app, { store }) => {
  app.get(
    '/organizations/:organization_id/api-keys/:key_id/usage',
    {
      config: { exists: keyInPath(store).exists },
      schema: {
        operationId: 'listApiKeyUsage',
        tags: ['api-keys'],
        params: keyParams,
        querystring: z.strictObject(pageQuery),
        response: { ...refusals, 200: z.array(usage) },
      },
    },
    async (request, reply) => {
      const { organizationId, id: keyId } = keyOf(request)
      const { limit, cursor } = request.query
      const page = pageOf({ limit, cursor: cursor?.replace(idPrefix, '') })
      const { rows, next } = await store.listRequests({ organizationId, keyId }, page)
      const records = rows.map((row) => usageRecord(row, keyId))
      return sendPart(request, reply, records, next && `usage_${next}`)
    },
  )
}

const usageRecord = (row: RequestRow, keyId: string) => ({
  id: `usage_${row.id}`,
  key_id: keyId,
  endpoint: row.path,
  method: row.method,
  status_code: row.status,
  duration_ms: row.durationMs,
  request_id: row.requestId,
  ip_address: row.ip,
  user_agent: row.userAgent,
  created_at: new Date(row.at).toISOString(),
})

const idPrefix = /^usage_/
