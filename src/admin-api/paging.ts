import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Page } from '../store/store.ts'

/** `?limit=` and `?cursor=` of every list. Query values are text: the number is read, nothing else is coerced. */
export const pageQuery = {
  limit: z
    .string()
    .regex(/^(?:[1-9]\d?|1\d\d|200)$/, 'must be a number from 1 to 200')
    .optional(),
  cursor: z.string().min(1).max(128).optional().describe('From the Link header of the page before.'),
}

export const pageOf = ({
  limit,
  cursor,
}: {
  limit?: string | undefined
  cursor?: string | undefined
}): Required<Pick<Page, 'limit'>> & Page => ({
  limit: limit === undefined ? 50 : Number(limit),
  ...(cursor !== undefined && { before: cursor }),
})

/**
 * Answers one page as a bare array, with `Link: <…>; rel="next"` where more may follow. The cursor is the id of the last
 * object, so that what is made meanwhile shifts nothing.
 */
export function sendPage<T extends { readonly id: string }>(
  request: FastifyRequest,
  reply: FastifyReply,
  page: { readonly limit: number },
  items: readonly T[],
): T[] {
  return sendPart(request, reply, items, items.length >= page.limit ? items.at(-1)?.id : undefined)
}

/** The same where the list itself says how it goes on: a page can be short, or empty, and have another behind it. */
export function sendPart<T>(
  request: FastifyRequest,
  reply: FastifyReply,
  items: readonly T[],
  next: string | undefined,
): T[] {
  if (next !== undefined) {
    const url = new URL(request.url, 'http://localhost')
    url.searchParams.set('cursor', next)
    reply.header('Link', `<${url.pathname}${url.search}>; rel="next"`)
  }
  return [...items]
}
