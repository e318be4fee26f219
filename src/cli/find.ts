import type { Organization, Page, Store } from '../store/store.ts'
import { Failure } from './failure.ts'

/** @throws Failure when there is no organization with this id or slug. */
export async function findOrganization(store: Store, idOrSlug: string): Promise<Organization> {
  const organization = await store.findOrganization(idOrSlug)
  if (organization) return organization
  throw new Failure(`there is no organization ${JSON.stringify(idOrSlug)}; "sallyport orgs list" shows those there are`)
}

/**
 * The organization that a key belongs to; its id alone is enough to find it.
 * @throws Failure when there is no such key, or none in the organization named.
 */
export async function findKeyOwner(store: Store, keyId: string, idOrSlug: string | undefined): Promise<string> {
  const owner = await store.locateKey(keyId)
  const wanted = idOrSlug === undefined ? owner : (await findOrganization(store, idOrSlug)).id
  if (owner !== undefined && owner === wanted) return owner
  throw new Failure(noSuchKey(keyId))
}

/** For a key that is not there, or no longer. */
export const noSuchKey = (keyId: string): string =>
  `there is no key ${JSON.stringify(keyId)}; "sallyport keys list --org ORG" shows those there are (an id starts with key_)`

/** Everything that a list method has, page by page, up to `max` objects. */
export async function listAll<T extends { readonly id: string }>(
  fetchPage: (page: Page) => Promise<T[]>,
  max = 10_000,
): Promise<T[]> {
  const all: T[] = []
  while (all.length < max) {
    const last = all.at(-1)
    const page = await fetchPage({ limit: 200, ...(last && { before: last.id }) })
    all.push(...page)
    if (page.length < 200) break
  }
  return all.slice(0, max)
}
