import type { FastifyInstance } from 'fastify'
import type { Address } from '../config/schema.ts'
import { refuse } from './refusals.ts'
import { type AdminServer, type AdminServerOptions, createAdminServer } from './server.ts'

export interface WaitingPlane extends AsyncDisposable {
  /** Again: the same as once. @throws when the address can't be had. */
  open(address: Address): Promise<void>
}

/**
 * The admin plane of a gateway that waits for its store. Probes learn that it lives and is not ready, scrapers that its store does
 * not answer; everything else is 503. Disposed, its place is free for the real one.
 * Most gateways never wait: nothing is made before it is opened. @param listening told where, once.
 */
export function createWaitingPlane(
  options: Pick<AdminServerOptions, 'events' | 'metrics' | 'isOwnHost' | 'isTrustedProxy'>,
  listening: (address: Address) => void,
): WaitingPlane {
  let server: AdminServer | undefined
  let opened: Promise<void> | undefined
  const begin = (address: Address): Promise<void> => {
    server = createAdminServer({
      ...options,
      failedChecks: async () => ({ store: 'is waited for', data_listener: 'waits for the store' }),
      plugins: [
        async (app: FastifyInstance) => {
          app.all('/*', (_request, reply) => refuse(reply, 'KEY_STORE_UNAVAILABLE', { detail: waits }))
        },
      ],
    })
    return server.listen(address).then(listening)
  }
  return {
    open(address) {
      opened ??= begin(address)
      return opened
    },
    async [Symbol.asyncDispose]() {
      await server?.close()
    },
  }
}

const waits = 'The gateway has started, and waits for its store to answer.'
