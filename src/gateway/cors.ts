import type { CorsConfig } from '../config/schema.ts'
import type { Head } from './head.ts'

/** Fetch standard: OPTIONS with Origin and Access-Control-Request-Method. */
export const isPreflight = (method: string, head: Head): boolean =>
  method === 'OPTIONS' && head.origin !== undefined && head.accessControlRequestMethod !== undefined

/** Headers of the answer to a preflight, flat. An origin that is not allowed gets an answer without permission. */
export function preflightHeaders(cors: CorsConfig, origin: string): string[] {
  const allowed = allowOrigin(cors, origin)
  if (allowed === undefined) return ['Vary', 'Origin']
  const headers = [...originHeaders(cors, allowed), 'Access-Control-Allow-Methods', cors.methods.join(', ')]
  if (cors.headers.length > 0) headers.push('Access-Control-Allow-Headers', cors.headers.join(', '))
  headers.push('Access-Control-Max-Age', String(Math.floor(cors.max_age / 1000)))
  return headers
}

/** Headers for an ordinary answer, flat. */
export function corsHeaders(cors: CorsConfig, origin: string | undefined): string[] {
  const allowed = origin === undefined ? undefined : allowOrigin(cors, origin)
  if (allowed === undefined) return ['Vary', 'Origin']
  const headers = originHeaders(cors, allowed)
  if (cors.expose.length > 0) headers.push('Access-Control-Expose-Headers', cors.expose.join(', '))
  return headers
}

function allowOrigin(cors: CorsConfig, origin: string): string | undefined {
  if (cors.origins.includes('*')) return '*'
  return cors.origins.includes(origin) ? origin : undefined
}

function originHeaders(cors: CorsConfig, allowed: string): string[] {
  const headers = ['Vary', 'Origin', 'Access-Control-Allow-Origin', allowed]
  if (cors.credentials) headers.push('Access-Control-Allow-Credentials', 'true')
  return headers
}
