import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { jsonShapeProblem, repeatedName } from '../json-text.ts'

/**
 * More than anything that the API takes has, and far from where something that walks through a body runs out of stack, or
 * takes so long that traffic waits for it.
 */
const shape = { levelsMax: 64, valuesMax: 20_000 }

/** A body that is nested deeper, or holds more values, than `shape`. */
export class BodyOutOfShape extends Error {
  override readonly name = 'BodyOutOfShape'
  constructor(problem: 'deep' | 'many') {
    super(
      problem === 'deep'
        ? `must not be nested deeper than ${shape.levelsMax} levels`
        : `must not hold more than ${shape.valuesMax} values`,
    )
  }
}

/** One that may be long as an import and is none. */
class BodyTooLong extends Error {
  override readonly name = 'BodyTooLong'
  readonly statusCode = 413
}

/** A body with something shaped like one of our keys: in a name or a reason it would be stored, shown and sent on. */
export class BodyHoldsKey extends Error {
  override readonly name = 'BodyHoldsKey'
  override readonly message = 'holds something that looks like a key; leave it out'
}

/** One that can be read in two ways: whoever judges it may take one value, and whoever uses it the other. */
export class BodyAmbiguous extends Error {
  override readonly name = 'BodyAmbiguous'
  constructor(twice: string) {
    super(`The body has ${JSON.stringify(twice.slice(0, 100))} twice.`)
  }
}

/** An empty body is none: clients say `application/json` also where they have nothing to send, as on revoke. */
export function jsonOrNothing(app: FastifyInstance, containsKey: (text: string) => boolean) {
  const parse = app.getDefaultJsonParser('error', 'error')
  return (request: FastifyRequest, body: string, done: (error: Error | null, body?: unknown) => void): void => {
    if (body === '') return done(null, undefined)
    const problem = jsonShapeProblem(body, shape)
    if (problem !== undefined) return done(new BodyOutOfShape(problem))
    void parse(request, body, (error: Error | null, value?: unknown) => {
      if (error !== null) return done(error)
      // Written anew: an escape would hide a key from whoever looks at the text as it came.
      const text = JSON.stringify(withoutImport(value))
      if (text.length > lengthMax) done(new BodyTooLong())
      else if (containsKey(text)) done(new BodyHoldsKey())
      else {
        const twice = repeatedName(body)
        if (twice === undefined) done(null, value)
        else done(new BodyAmbiguous(twice))
      }
    })
  }
}

/** The text of an import aside. A whole configuration file, escaped, is the longest that there is. */
const lengthMax = 2.5 * 1024 * 1024

/** Raw keys may come in an import, and are in no line of it but where they belong: `jobs/key-import-line.ts` sees to that. */
function withoutImport(body: unknown): unknown {
  const { success, data } = importOrder.safeParse(body)
  return success ? { ...data, params: { ...data.params, data: null } } : body
}
const importOrder = z.looseObject({ type: z.literal('key_import'), params: z.looseObject({ data: z.string() }) })
