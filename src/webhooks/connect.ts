import { type LookupAddress, lookup } from 'node:dns'
import { Resolver } from 'node:dns/promises'
import type { LookupFunction } from 'node:net'
import { isPublicAddress } from './address.ts'

/** Every address of a name, in the order in which they should be tried. */
export type ResolveAddresses = (host: string) => Promise<readonly LookupAddress[]>

/**
 * A name leads nowhere, or where a webhook must not go. One and the same, so that nobody can try out which names there are on
 * the gateway's own network.
 */
export class NameLeadsNowhere extends Error {
  override readonly name = 'NameLeadsNowhere'
}

/**
 * As DNS has it, for targets on the public internet. Not by the machine's own way of looking up names: that occupies one
 * of the few threads which the data plane needs too, for as long as whoever owns the name lets it wait.
 * @param servers left out: the machine's.
 */
export const dnsAddresses =
  (servers?: readonly string[]): ResolveAddresses =>
  async (host) => {
    const resolver = new Resolver({ timeout: 2500, tries: 2 })
    if (servers !== undefined) resolver.setServers(servers)
    const answers = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)])
    const addresses = answers.flatMap((answer, index) =>
      answer.status === 'fulfilled' ? answer.value.map((address) => ({ address, family: index === 0 ? 4 : 6 })) : [],
    )
    const [first] = answers
    if (addresses.length === 0 && first.status === 'rejected') throw first.reason
    return addresses
  }

/** As the machine resolves names, /etc/hosts included: for targets on its own network. */
export const machineAddresses: ResolveAddresses = (host) =>
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
        const isAllowed = allowPrivate || addresses.every(({ address }) => isPublicAddress(address))
        if (first === undefined || !isAllowed) return done(new NameLeadsNowhere('no address of it may be used'), '')
        return options.all ? done(null, [...addresses]) : done(null, first.address, first.family)
      },
      (cause: unknown) => done(new NameLeadsNowhere('it was not found', { cause }), ''),
    )
  }
