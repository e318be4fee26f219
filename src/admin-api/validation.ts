import type { FastifySchemaCompiler } from 'fastify'
import type { z } from 'zod'
import { schemaWords } from '../schema-words.ts'

/** A body, query or header that is not as its schema has it. */
export class InputInvalid extends Error {
  override readonly name = 'InputInvalid'
  /** Where it was: `params`, `body`, `querystring`, `headers`. Set by Fastify. */
  readonly validationContext?: string
  readonly errors: readonly { readonly path: string; readonly message: string }[]
  constructor(issues: readonly z.core.$ZodIssue[]) {
    super('the input is not valid')
    this.errors = issues.map(({ path, message }) => ({ path: path.map(String).join('.'), message }))
  }
}

/** Says in plain words what is wrong with what came in. */
export const compileValidator: FastifySchemaCompiler<z.ZodType> = ({ schema, httpPart }) => {
  return (input: unknown) => {
    // Fastify says null where no body came; to a schema that is a value.
    const value = httpPart === 'body' ? (input ?? undefined) : input
    const { data, error } = schema.safeParse(value, { error: schemaWords })
    return error === undefined ? { value: data } : { error: new InputInvalid(error.issues) }
  }
}
