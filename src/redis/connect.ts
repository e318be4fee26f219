import { readFileSync } from 'node:fs'
import { Cluster, Redis } from 'ioredis'
import type { RedisAddress } from '../config/redis-url.ts'
import { DirectConnector, PrimaryConnector } from './connector.ts'

/** A client of whichever kind of Redis the address names. Both have the same commands. */
export type RedisClient = Redis | Cluster

export interface ConnectOptions {
  /** Shown by CLIENT LIST. */
  readonly name: string
  /** Told why whenever a connection fails; the client goes on trying by itself. */
  readonly onError: (error: Error) => void
}

/**
 * A client that keeps nothing for later: while it is not connected commands fail at once, none is sent twice, and a
 * connection on which an answer is owed for a second is given up for a new one. It tries for ever, twice a second.
 */
export function connectRedis(address: RedisAddress, { name, onError }: ConnectOptions): RedisClient {
  const client = open(address, name)
  client.on('error', onError)
  return client
}

function open(address: RedisAddress, connectionName: string): RedisClient {
  const { kind, name, hosts, tls, sentinelPassword } = address
  const options = { ...optionsOf(address), connectionName }
  const retry = { enableOfflineQueue: false, retryStrategy }
  switch (kind) {
    case 'cluster':
      return new Cluster([...hosts], {
        redisOptions: { ...options, Connector: DirectConnector },
        enableOfflineQueue: false,
        enableAutoPipelining: true,
        clusterRetryStrategy: retryStrategy,
        slotsRefreshTimeout: 1000,
        slotsRefreshInterval: 10_000,
        // A certificate is for names; resolved here, a host would be asked for by its address.
        ...(tls ? { dnsLookup: (host, done) => done(null, host) } : {}),
      })
    case 'sentinel':
      return new Redis({
        ...{ ...options, ...retry, sentinels: [...hosts], name },
        ...(sentinelPassword === undefined ? {} : { sentinelPassword }),
        Connector: PrimaryConnector,
        enableTLSForSentinelMode: tls,
        ...(options.tls === undefined ? {} : { sentinelTLS: options.tls }),
        sentinelRetryStrategy: retryStrategy,
      })
    case 'socket':
      return new Redis({ ...options, ...retry, Connector: DirectConnector, path: name })
    case 'single':
      return new Redis({ ...options, ...retry, Connector: DirectConnector, ...hosts[0] })
  }
}

const optionsOf = ({ username, password, db, tls, ca }: RedisAddress) => ({
  ...{ db, disableClientInfo: true },
  ...(username === undefined ? {} : { username }),
  ...(password === undefined ? {} : { password }),
  ...(tls ? { tls: ca === undefined ? {} : { ca: readFileSync(ca) } } : {}),
  connectTimeout: 1000,
  socketTimeout: 1000,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  // The library would do it with nobody to hear that it failed, which ends the process. Who listens does it on `ready`.
  autoResubscribe: false,
  enableAutoPipelining: true,
  maxLoadingRetryTime: 500,
  // After a failover the old primary may live on as a replica: a new connection finds the new one.
  reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
})

const retryStrategy = (times: number): number => Math.min(50 * times, 500)
