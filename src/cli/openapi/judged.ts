import { both, type Demand, sameDemand } from './demand.ts'
import type { Operation } from './operations.ts'
import type { Place } from './place.ts'

/** One pattern with everything that may be called there. */
export interface Judged {
  readonly place: Place
  readonly methods: ReadonlyMap<string, JudgedMethod>
}

export interface JudgedMethod {
  readonly demand: Demand
  /** The operations of the document that it stands for. */
  readonly operations: readonly Operation[]
  /** Why the pattern covers more than they do; undefined as soon as one of them is all of it. */
  readonly wider?: string | undefined
}

/** A request that may be one of two operations must be allowed to be either. */
export function add(methods: Map<string, JudgedMethod>, method: string, more: JudgedMethod): void {
  const there = methods.get(method)
  methods.set(method, there === undefined ? more : join(there, more))
}

const join = (one: JudgedMethod, other: JudgedMethod): JudgedMethod => ({
  demand: both(one.demand, other.demand),
  operations: [...new Set([...one.operations, ...other.operations])],
  ...(one.wider !== undefined && other.wider !== undefined && { wider: one.wider }),
})

/** Whether every path of the second is one of the first. Neither has a `*`. */
export const covers = ({ pattern: { segments: one } }: Place, { pattern: { segments: other } }: Place): boolean =>
  one.length === other.length &&
  one.every((segment, index) => {
    const same = other[index]
    return segment.kind === 'parameter' || (same?.kind === 'literal' && same.text === segment.text)
  })

/** Whether something else is asked than one of its operations asks for. */
export const isMixed = ({ demand, operations }: JudgedMethod): boolean =>
  operations.some((operation) => !sameDemand(operation.demand, demand))
