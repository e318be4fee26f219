import { hash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** A strong tag of an object. */
export const etagOf = (record: object): string =>
  `"${hash('sha256', JSON.stringify(record), 'base64url').slice(0, 27)}"`

/** @param tagged what the tag stands for, where that is less than what is answered. */
export function sendTagged<T extends object>(reply: FastifyReply, record: T, tagged: object = record): T {
  reply.header('ETag', etagOf(tagged))
  return record
}

/**
 * RFC 9110 section 13.1.1, for the store to ask in its transaction.
 * @returns whether the change may go on: no If-Match, `*`, or one that names what is there.
 */
export function ifMatch<T>({ headers }: FastifyRequest, tagged: (current: T) => object): (current: T) => boolean {
  const wanted = headers['if-match']
  if (wanted === undefined) return () => true
  const tags = wanted.split(',').map((tag) => tag.trim())
  return (current) => tags.includes('*') || tags.includes(etagOf(tagged(current)))
}
