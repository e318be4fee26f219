import { type LookupAddress, lookup } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { isPublicAddress } from './address.ts'

/** Every address of a name, in the order in which they should be tried. */
export type ResolveAddresses = (host: string) => Promise<readonly LookupAddress[]>

/** A name leads where a webhook must not go. */
export class TargetRefused extends Error {
  override readonly name = 'TargetRefused'
}

/** As the machine resolves names, /etc/hosts included. */
export const systemAddresses: ResolveAddresses = (host) =>
  new Promise((resolve, reject) => {
    lookup(host, { all: true }, (error, addresses) => (error ? reject(error) : resolve(addresses)))
  })

/**
 * The look-up that a socket makes. It gives the socket the very addresses that were checked, so that a name which
 * resolves to something else a moment later (DNS rebinding) gains nothing by it. One address that is not public refuses
 * them all: a name that has both is meant to get past a check.
 */
export const checkedLookup =
  (resolve: ResolveAddresses, allowPrivate: boolean): LookupFunction =>
  (host, options, done) => {
    resolve(host).then(
      (addresses) => {
        const [first] = addresses
        if (first === undefined) return done(new Error('the name has no address'), '')
        if (!allowPrivate && !addresses.every(({ address }) => isPublicAddress(address))) {
          return done(new TargetRefused('the name leads to an address that is not public'), '')
        }
        return options.all ? done(null, [...addresses]) : done(null, first.address, first.family)
      },
      (error: unknown) => done(error instanceof Error ? error : new Error(String(error)), ''),
    )
  }
