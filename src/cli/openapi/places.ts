import { Failure } from '../failure.ts'
import { ambiguousPlaces } from './ambiguous.ts'
import { add, covers, type Judged, type JudgedMethod } from './judged.ts'
import type { Operation, PathOperations } from './operations.ts'
import { type Place, toPlace } from './place.ts'

export interface Places {
  readonly judged: readonly Judged[]
  /** Operations that no request can reach, each with the reason. */
  readonly unreachable: readonly (readonly [operation: Operation, why: string])[]
}

/**
 * Lays the operations of the document out as the route table does: by pattern and method, each decided in one place.
 * @param methodsKnown those that a route can name.
 */
export function layOut(paths: readonly PathOperations[], methodsKnown: ReadonlySet<string>): Places {
  const found = new Map<string, { place: Place; methods: Map<string, JudgedMethod> }>()
  const unreachable: [Operation, string][] = []
  // In an order of its own: what comes of a document does not depend on how it is sorted.
  for (const { base, path, operations } of paths.toSorted((one, other) => (one.path < other.path ? -1 : 1))) {
    const place = toPlace(base + path)
    if (typeof place === 'string') {
      for (const operation of operations) unreachable.push([operation, place])
      continue
    }
    const there = found.get(place.pattern.shape) ?? { place, methods: new Map() }
    found.set(place.pattern.shape, there)
    // Of two that are the same to a route, the one that says it exactly gives it its name.
    if (there.place.wider !== undefined && place.wider === undefined) there.place = place
    const { wider } = place
    for (const operation of operations) {
      const { method, demand } = operation
      if (methodsKnown.has(method)) add(there.methods, method, { demand, operations: [operation], wider })
      else unreachable.push([operation, 'the gateway refuses the method'])
    }
  }
  const judged = [...found.values()].map(closeWider)
  const more = ambiguousPlaces(judged, overlapsMax)
  if (more === undefined) throw new Failure(`the paths of the document overlap in more than ${overlapsMax} places`)
  return { judged: [...judged, ...more].map(withHead).filter((one) => isNeeded(one, judged)), unreachable }
}

/** Where the pattern covers more than the operations behind it do, the rest of it is nobody's, and it can't be told apart. */
function closeWider({ place, methods }: Judged): Judged {
  const closed = [...methods].map(([method, { wider, ...judged }]): [string, JudgedMethod] => [
    method,
    wider === undefined ? judged : { ...judged, demand: { kind: 'nobody', why: wider } },
  ])
  return { place, methods: new Map(closed) }
}

/** A route for GET judges HEAD as well. */
function withHead(judged: Judged): Judged {
  const head = judged.methods.get('HEAD')
  if (head === undefined || !judged.methods.has('GET')) return judged
  const methods = new Map(judged.methods)
  methods.delete('HEAD')
  add(methods, 'GET', head)
  return { ...judged, methods }
}

/** A path without anything that can be called matters where another one would cover it. */
const isNeeded = ({ place, methods }: Judged, all: readonly Judged[]): boolean =>
  methods.size > 0 ||
  all.some((other) => other.place.pattern.shape !== place.pattern.shape && covers(other.place, place))

const overlapsMax = 5000
