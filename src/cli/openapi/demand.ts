/** What a document asks of whoever calls an operation. */
export type Demand =
  | { readonly kind: 'public' }
  /** A key that holds all scopes of one of these. A list that is empty asks for no more than a key. */
  | { readonly kind: 'key'; readonly anyOf: readonly (readonly string[])[] }
  /** What is asked can't be judged here, so that nobody may pass. */
  | { readonly kind: 'nobody'; readonly why: string }

/** What a route can ask, in the words of gateway.yaml. */
export type Rule =
  | { readonly public: true }
  | { readonly deny: true; readonly why: string }
  | { readonly scopes: readonly string[]; readonly anyScope: readonly string[] }

export const anyKey: Demand = { kind: 'key', anyOf: [[]] }

/** Alternatives without those that another one makes superfluous, in an order of their own. */
export function demandOf(alternatives: readonly (readonly string[])[]): Demand {
  const sets = alternatives.map((scopes) => [...new Set(scopes)].sort())
  const least = sets.filter(
    (scopes, index) =>
      !sets.some(
        (other, place) =>
          place !== index &&
          other.every((scope) => scopes.includes(scope)) &&
          (other.length < scopes.length || place < index),
      ),
  )
  return { kind: 'key', anyOf: least.sort((one, other) => compare(one.join(' '), other.join(' '))) }
}

/** Both at once: for a request of which it can't be told which of the two it is. */
export function both(one: Demand, other: Demand): Demand {
  if (one.kind === 'nobody' || other.kind === 'public') return one
  if (other.kind === 'nobody' || one.kind === 'public') return other
  if (one.anyOf.length * other.anyOf.length > alternativesMax) return { kind: 'nobody', why: tooMany }
  return demandOf(one.anyOf.flatMap((scopes) => other.anyOf.map((more) => [...scopes, ...more])))
}

/** The same demand as a route can make it; nobody may pass where it can't. */
export function ruleOf(demand: Demand): Rule {
  switch (demand.kind) {
    case 'public':
      return { public: true }
    case 'nobody':
      return { deny: true, why: demand.why }
    case 'key': {
      const [first = [], ...others] = demand.anyOf
      const scopes = first.filter((scope) => others.every((other) => other.includes(scope)))
      if (others.length === 0) return { scopes, anyScope: [] }
      const rests = demand.anyOf.map((alternative) => alternative.filter((scope) => !scopes.includes(scope)))
      if (rests.every((rest) => rest.length === 1)) return { scopes, anyScope: rests.flat() }
      const choices = demand.anyOf.map((alternative) => `(${alternative.join(' and ')})`).join(' or ')
      return { deny: true, why: `it asks for ${choices}; a route can ask for scopes together, or for one of several` }
    }
  }
}

export const sameDemand = (one: Demand, other: Demand): boolean => JSON.stringify(one) === JSON.stringify(other)

const compare = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0)
const alternativesMax = 10_000
const tooMany = 'it has more alternatives than can be compared'
