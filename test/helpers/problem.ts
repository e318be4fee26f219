import { expect } from 'vitest'
import type { RawResponse } from './raw-client.ts'

/** Holds a response to RFC 9457 and SPEC section 6. @returns its body. */
export function expectProblem(response: RawResponse, status: number, code: string): Record<string, unknown> {
  expect([response.status, response.text()]).toEqual([status, expect.stringContaining(`"code":"${code}"`)])
  expect(response.header('content-type')).toMatch(/^application\/problem\+json\b/)
  const requestId = response.header('x-request-id')
  const body = response.json()
  expect(body).toMatchObject({ status, code, request_id: requestId })
  expect(body.instance).toBe(`${uuid.test(String(requestId)) ? 'urn:uuid:' : 'urn:request:'}${requestId}`)
  for (const member of ['type', 'title', 'detail']) expect(body[member]).toMatch(/\S/)
  return body
}

/** Everything that a caller can tell two answers apart by, request id and Date aside. */
export function fingerprint(response: RawResponse): string {
  const id = response.header('x-request-id') ?? 'none'
  const head = response.head.replace(/^date: .*\r\n/im, '')
  return `${head}${response.text()}`.replaceAll(id, '<request id>').replaceAll('urn:request:', 'urn:uuid:')
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
