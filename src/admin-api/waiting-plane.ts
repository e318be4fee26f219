import type { FastifyInstance } from 'fastify'
import { refuse } from './refusals.ts'
import { type AdminServerOptions, createAdminServer } from './server.ts'

interface Address {
  readonly host: string
  readonly port: number
}

export interface WaitingPlane extends AsyncDisposable {
  /** Again: the same as once. @throws when the address can't be had. */
  open(address: Address): Promise<void>
}

/**
 * The admin plane of a gateway that waits for its store. Probes learn that it lives and is not ready, scrapers that its store does
 * not answer; everything else is 503. Disposed, its place is free for the real one.
 * @param listening told where, once.
 */
export function createWaitingPlane(
  options: Pick<AdminServerOptions, 'events' | 'metrics' | 'isOwnHost' | 'isTrustedProxy'>,
  listening: (address: Address) => void,
): WaitingPlane {
  let opened: Promise<void> | undefined
  const server = createAdminServer({
    ...options,
    failedChecks: async () => ({ store: 'is waited for', data_listener: 'waits for the store' }),
    plugins: [
      async (app: FastifyInstance) => {
        app.all('/*', (_request, reply) => refuse(reply, 'KEY_STORE_UNAVAILABLE', { detail: waits }))
      },
    ],
  })
  return {
    open(address) {
      opened ??= server.listen(address).then(listening)
      return opened
    },
    async [Symbol.asyncDispose]() {
      if (opened !== undefined) await server.close()
    },
  }
}

const waits = 'The gateway has started, and waits for its store to answer.'
