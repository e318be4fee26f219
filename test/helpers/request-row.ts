import { uuidv7 } from '../../src/ids.ts'
import type { RequestRow } from '../../src/store/store.ts'

/** A row of the request log: an ordinary request that was let through, but for what the test says. */
export const requestRow = (changed: Partial<RequestRow> = {}): RequestRow => ({
  id: uuidv7(Date.now()),
  at: Date.now(),
  organizationId: 'org_1',
  keyId: 'key_1',
  method: 'GET',
  path: '/api/v1/projects/7',
  route: '/api/v1/projects/*',
  status: 200,
  code: null,
  durationMs: 12.5,
  upstreamMs: 11.25,
  bytesIn: 0,
  bytesOut: 114,
  ip: '127.0.0.1',
  userAgent: 'test',
  requestId: 'request-1',
  shadowCode: null,
  ...changed,
})
