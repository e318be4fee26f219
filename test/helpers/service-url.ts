import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { inject } from 'vitest'

/** The address of a service of the test run, which is started where it does not run yet. @throws when it can't be had. */
export async function serviceUrl(name: string): Promise<string> {
  const connection = connect(inject('servicesSocket'))
  connection.write(name)
  const reply: unknown = JSON.parse(await text(connection))
  if (typeof reply === 'object' && reply !== null && 'url' in reply) return String(reply.url)
  throw new Error(`no ${name} for this test: ${JSON.stringify(reply)}`)
}
