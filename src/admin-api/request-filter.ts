import { z } from 'zod'
import type { RequestFilter, RequestRow } from '../store/store.ts'
import { rangeOf } from './schemas.ts'

/** Query parameters of the request log and its live tail. */
export const requestQuery = {
  key_id: z.string().optional(),
  route: z.string().optional().describe('The pattern of a route, as in the configuration.'),
  status: z
    .string()
    .regex(/^(?:[1-5]\d\d|[1-5]xx|0)$/, 'must be a status such as 404, or a class such as 4xx')
    .optional(),
  code: z
    .string()
    .regex(/^[A-Z_]{1,64}$/, 'must be an error code such as RATE_LIMITED')
    .optional(),
  shadow_code: z
    .string()
    .regex(/^(?:any|[A-Z_]{1,64})$/, 'must be an error code such as INSUFFICIENT_SCOPE, or any')
    .optional()
    .describe('Let through by a route in shadow mode that would have refused with this code; `any`: with whichever.'),
  method: z
    .string()
    .regex(/^[A-Z-]{1,32}$/, 'must be a method in capitals')
    .optional(),
  since: z.iso.datetime().optional(),
  until: z.iso.datetime().optional(),
}

type Query = { readonly [Name in keyof typeof requestQuery]?: string | undefined }

/** @param organizationId undefined for the whole instance, rows of no organization included. */
export function requestFilter(query: Query, organizationId: string | undefined): RequestFilter {
  const { key_id: keyId, route, status, code, shadow_code: shadowCode, method, since, until } = query
  const [from, to] = statusRange(status)
  return {
    ...(organizationId !== undefined && { organizationId }),
    ...(keyId !== undefined && { keyId }),
    ...(route !== undefined && { route }),
    ...(from !== undefined && { statusFrom: from, statusTo: to }),
    ...(code !== undefined && { code }),
    ...(shadowCode !== undefined && { shadowCode: shadowCode === 'any' || shadowCode }),
    ...(method !== undefined && { method }),
    ...rangeOf({ since, until }),
  }
}

function statusRange(status: string | undefined): [from: number, to: number] | [undefined, undefined] {
  if (status === undefined) return [undefined, undefined]
  if (!status.endsWith('xx')) return [Number(status), Number(status)]
  const from = Number(status[0]) * 100
  return [from, from + 99]
}

/** The same filter on a row that is at hand. */
export function passes(row: RequestRow, filter: RequestFilter): boolean {
  const { organizationId, keyId, route, status, statusFrom, statusTo, code, shadowCode, method, since, until } = filter
  return (
    (organizationId === undefined || row.organizationId === organizationId) &&
    (keyId === undefined || row.keyId === keyId) &&
    (route === undefined || row.route === route) &&
    (status === undefined || row.status === status) &&
    (statusFrom === undefined || row.status >= statusFrom) &&
    (statusTo === undefined || row.status <= statusTo) &&
    (code === undefined || row.code === code) &&
    (shadowCode === undefined || (shadowCode === true ? row.shadowCode !== null : row.shadowCode === shadowCode)) &&
    (method === undefined || row.method === method) &&
    (since === undefined || row.at >= since) &&
    (until === undefined || row.at < until)
  )
}
