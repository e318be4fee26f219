import type { Store } from '../store/store.ts'

/**
 * The same store, whose changes have been heard of on this node before their promise resolves: whoever is told that a key
 * is revoked can rely on it.
 * @param feed asked to read the change log after each change.
 * @param announced called when it has been heard of here: others should hear of it too.
 * @param forget called with the organization of a change that the log could not tell of: the change is made all the same.
 */
export function announcing(
  store: Store,
  feed: { pollNow(): Promise<boolean> },
  forget: (organizationId: string) => Promise<void>,
  announced: () => void = () => {},
): Store {
  const together: Store['together'] = async (work) => {
    const touched: unknown[] = []
    const result = await store.together((inner) => work(noting(inner, (first) => touched.push(first))))
    if (touched.length === 0) return result
    if (!(await feed.pollNow())) {
      for (const organizationId of touched) if (typeof organizationId === 'string') await forget(organizationId)
    }
    announced()
    return result
  }
  return new Proxy(store, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name)
      if (typeof method !== 'function') return method
      if (name === 'together') return together
      if (!changing.has(name as keyof Store)) return method.bind(target)
      return async (...input: unknown[]) => {
        const result: unknown = await method.apply(target, input)
        // What is new (an object) nobody can hold yet; all else names its organization first.
        const [organizationId] = input
        if (!(await feed.pollNow()) && typeof organizationId === 'string') await forget(organizationId)
        announced()
        return result
      }
    },
  })
}

/** @param note gets the first argument of each change: of one in a transaction nobody has heard before its end. */
function noting(store: Store, note: (first: unknown) => void): Store {
  return new Proxy(store, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name)
      if (typeof method !== 'function') return method
      if (!changing.has(name as keyof Store)) return method.bind(target)
      return (...input: unknown[]) => {
        note(input[0])
        return method.apply(target, input)
      }
    },
  })
}

/** Methods whose effect a decision depends on. */
const changing: ReadonlySet<keyof Store> = new Set<keyof Store>([
  ...([
    'createOrganization',
    'updateOrganization',
    'deleteOrganization',
    'createKey',
    'updateKey',
    'revokeKey',
    'deleteKey',
    'rotateKey',
    'saveJobStep',
  ] as const),
  ...(['updateWorkspace', 'deleteWorkspace', 'grantWorkspace', 'ungrantWorkspace', 'updateServiceAccount'] as const),
])
