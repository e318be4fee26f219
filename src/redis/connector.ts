import { createConnection, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { AbstractConnector, type RedisOptions, SentinelConnector } from 'ioredis'

/**
 * Opens the connections of a client, in place of the library's own connector. That listens for one error of a socket;
 * a TLS socket which is closed in the middle of its handshake has a second one, and nobody to tell ends the process.
 */
export class DirectConnector extends AbstractConnector {
  readonly #options: RedisOptions

  /** @param options those of the client; the library leaves their type open. */
  constructor(options: unknown) {
    super(disconnectMs)
    this.#options = options as RedisOptions
  }

  async connect(): Promise<Socket> {
    this.connecting = true
    const { path, host = 'localhost', port = 6379, tls } = this.#options
    const to = typeof path === 'string' ? { path } : { host, port }
    // Whoever called has to be able to call it off before there is a socket.
    await null
    if (!this.connecting) throw new Error('Connection is closed.')
    const stream = tls === undefined ? createConnection(to) : connectTls({ ...to, ...tls })
    stream.on('error', (error: Error) => {
      this.firstError ??= error
    })
    this.stream = stream
    return stream
  }
}

/** The same for the connection to the primary that the sentinels have named. */
export class PrimaryConnector extends SentinelConnector {
  /** @param options those of the client; the library leaves their type open. */
  constructor(options: unknown) {
    super(options as ConstructorParameters<typeof SentinelConnector>[0])
  }

  override async connect(told: Parameters<SentinelConnector['connect']>[0]) {
    const stream = await super.connect(told)
    stream.on('error', () => {})
    return stream
  }
}

const disconnectMs = 2000
