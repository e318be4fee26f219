import { hash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** A strong tag of an object as it is answered. */
export const etagOf = (record: object): string =>
  `"${hash('sha256', JSON.stringify(record), 'base64url').slice(0, 27)}"`

export function sendTagged<T extends object>(reply: FastifyReply, record: T): T {
  reply.header('ETag', etagOf(record))
  return record
}

/** RFC 9110 section 13.1.1. @returns whether the change may go on: no If-Match, `*`, or one that names what is there. */
export function matchesTag(request: FastifyRequest, record: object): boolean {
  const wanted = request.headers['if-match']
  if (wanted === undefined) return true
  const tags = wanted.split(',').map((tag) => tag.trim())
  return tags.includes('*') || tags.includes(etagOf(record))
}
