import { expect } from 'vitest'
import type { AdminApi, AdminGateway } from './admin.ts'
import { eventually } from './eventually.ts'

/** JobResultRecord as a caller gets it. */
export interface JobAnswer {
  readonly id: string
  readonly type: string
  readonly status: 'pending' | 'running' | 'completed' | 'failed' | 'cancelled'
  readonly progress: number
  readonly total: number | null
  readonly error_message: string | null
  readonly result: Readonly<Record<string, unknown>> | null
}

/** Orders a job and follows it to its end. */
export async function runToEnd(
  { api, organization }: Pick<AdminGateway, 'api' | 'organization'>,
  type: string,
  params?: object,
): Promise<JobAnswer> {
  const ordered = await api<JobAnswer>('POST', `/organizations/${organization.id}/jobs`, {
    type,
    ...(params !== undefined && { params }),
  })
  expect([ordered.status, ordered.body]).toEqual([202, expect.objectContaining({ type })])
  return await jobEnd(api, organization.id, ordered.body.id)
}

export const jobEnd = (api: AdminApi, organizationId: string, jobId: string, withinMs = 10_000): Promise<JobAnswer> =>
  eventually(
    `${jobId} to end`,
    async () => {
      const { body } = await api<JobAnswer>('GET', `/organizations/${organizationId}/jobs/${jobId}`)
      return ['completed', 'failed', 'cancelled'].includes(body.status) && body
    },
    { withinMs, everyMs: 20 },
  )

/** The output of a finished job as text. */
export async function outputOf(
  { adminUrl, adminToken, organization }: Pick<AdminGateway, 'adminUrl' | 'adminToken' | 'organization'>,
  jobId: string,
): Promise<{ readonly text: string; readonly contentType: string | null }> {
  const url = `${adminUrl}/platform/organizations/${organization.id}/jobs/${jobId}/output`
  const response = await fetch(url, { headers: { authorization: `Bearer ${adminToken}` } })
  expect(response.status).toBe(200)
  return { text: await response.text(), contentType: response.headers.get('content-type') }
}

export const jsonLines = (text: string): Record<string, unknown>[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
