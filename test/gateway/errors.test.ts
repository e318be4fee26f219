import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { errorsPage } from '../../docs/generate/errors-page.ts'
import { whatToCheck } from '../../docs/generate/what-to-check.ts'
import { catalogue, type ErrorCode, problem, statusOf } from '../../src/errors.ts'

const codes = Object.keys(catalogue) as ErrorCode[]

/** The product's promise, written down a second time by hand: a status that changes is a break for callers. */
const promised: Readonly<Record<number, readonly string[]>> = {
  400: ['BAD_REQUEST', 'BAD_REQUEST_TARGET', 'QUERY_TOKEN_REJECTED'],
  401: ['INVALID_API_KEY', 'UNAUTHENTICATED'],
  403: ['FORBIDDEN', 'ORGANIZATION_SUSPENDED', 'INSUFFICIENT_SCOPE', 'IP_NOT_ALLOWED', 'ROUTE_DENIED'],
  404: ['NOT_FOUND'],
  405: ['METHOD_NOT_ALLOWED'],
  408: ['REQUEST_TIMEOUT'],
  409: ['CONFLICT', 'IDEMPOTENCY_CONFLICT'],
  412: ['PRECONDITION_FAILED'],
  413: ['BODY_TOO_LARGE'],
  414: ['URI_TOO_LONG'],
  415: ['UNSUPPORTED_MEDIA_TYPE'],
  422: ['VALIDATION_FAILED', 'UNKNOWN_SCOPE'],
  429: ['RATE_LIMITED'],
  431: ['HEADERS_TOO_LARGE'],
  500: ['INTERNAL'],
  502: ['UPSTREAM_UNAVAILABLE', 'UPSTREAM_PROTOCOL_ERROR'],
  503: ['KEY_STORE_UNAVAILABLE', 'LIMITER_UNAVAILABLE', 'DRAINING', 'OVERLOADED'],
  504: ['UPSTREAM_TIMEOUT'],
  505: ['VERSION_NOT_SUPPORTED'],
}

describe('the error catalogue', () => {
  it('has exactly the promised codes, each with its promised status', () => {
    const actual = Object.groupBy(codes, statusOf)
    const sorted = (table: Partial<Record<number, readonly string[]>>) =>
      Object.fromEntries(Object.entries(table).map(([status, names = []]) => [status, [...names].sort()]))
    expect(sorted(actual)).toEqual(sorted(promised))
  })

  it.each(codes)('%s: makes a problem document with every member, and names the request', (code) => {
    const own = JSON.parse(problem(code, '01980f5e-6c1f-7a43-9d5c-2f1f0a6b7c8d', { errors: [] }))
    expect(own).toEqual({
      type: `urn:sallyport:error:${code}`,
      title: catalogue[code][1],
      status: statusOf(code),
      detail: catalogue[code][2],
      instance: 'urn:uuid:01980f5e-6c1f-7a43-9d5c-2f1f0a6b7c8d',
      code,
      request_id: '01980f5e-6c1f-7a43-9d5c-2f1f0a6b7c8d',
      errors: [],
    })
    expect(JSON.parse(problem(code, 'mine-1')).instance).toBe('urn:request:mine-1')
  })
})

describe('docs/reference/errors.md', () => {
  const page = readFileSync(new URL('../../docs/reference/errors.md', import.meta.url), 'utf8')

  it('is what the catalogue generates (npm run generate:reference)', () => {
    expect(page).toBe(errorsPage())
  })

  it.each(codes)('%s: tells its status, what it means and what to check, and is linked from the table', (code) => {
    const section = page.split('\n## ').find((part) => part.startsWith(`${code}\n`)) ?? ''
    expect(section).toContain(`**${statusOf(code)} ${catalogue[code][1]}.** ${catalogue[code][2]}`)
    for (const line of whatToCheck[code]) expect(section).toContain(`- ${line}\n`)
    expect(page).toContain(`[\`${code}\`](#${code.toLowerCase()})`)
  })
})
