import { parsePattern } from '../../config/pattern.ts'
import { sameDemand } from './demand.ts'
import { add, covers, type Judged, type JudgedMethod } from './judged.ts'
import type { Place } from './place.ts'

/**
 * `/books/{id}` and `/{kind}/latest` both match `/books/latest`, and OpenAPI leaves open which of the two an API takes. Such
 * places become routes of their own, at which both must be allowed: else a key for the one would reach the other.
 * @returns undefined when there are more than `max`.
 */
export function ambiguousPlaces(all: readonly Judged[], max: number): readonly Judged[] | undefined {
  const known = new Map(all.map((judged) => [judged.place.pattern.shape, judged.place]))
  const meets: Place[] = []
  const byLength = Map.groupBy(all, ({ place }) => place.pattern.segments.length)
  for (const group of byLength.values()) {
    const places = group.map(({ place }) => place)
    // Grows while it is walked through: what two meet in can meet a third.
    for (let one = 0; one < places.length; one++) {
      for (let other = 0; other < one; other++) {
        const meet = meetOf(places[one] as Place, places[other] as Place)
        if (meet === undefined || known.has(meet.pattern.shape)) continue
        known.set(meet.pattern.shape, meet)
        meets.push(meet)
        places.push(meet)
        if (meets.length > max) return undefined
      }
    }
  }
  return needed(
    meets.map((place) => judge(place, all)),
    all,
  )
}

/** What both match, unless one of them is within the other: then OpenAPI says which of them it is. */
function meetOf(one: Place, other: Place): Place | undefined {
  let [oneIsNarrower, otherIsNarrower] = [false, false]
  const written = one.source.slice(1).split('/')
  const otherWritten = other.source.slice(1).split('/')
  for (const [index, segment] of one.pattern.segments.entries()) {
    const same = other.pattern.segments[index]
    if (same === undefined) return undefined
    if (segment.kind === 'literal' && same.kind === 'literal') {
      if (segment.text !== same.text) return undefined
    } else if (segment.kind === 'literal') oneIsNarrower = true
    else if (same.kind === 'literal') {
      otherIsNarrower = true
      written[index] = otherWritten[index] ?? ''
    }
  }
  if (!oneIsNarrower || !otherIsNarrower) return undefined
  const source = `/${written.join('/')}`
  const pattern = parsePattern(source)
  return typeof pattern === 'string' ? undefined : { source, pattern, wider: undefined }
}

/** What may be called there: by the narrowest paths of the document that match, since OpenAPI takes no wider one. */
function judge(place: Place, all: readonly Judged[]): Judged {
  const matching = all.filter((judged) => covers(judged.place, place))
  const narrowest = matching.filter(
    (judged) => !matching.some((other) => other !== judged && covers(judged.place, other.place)),
  )
  const methods = new Map<string, JudgedMethod>()
  for (const judged of narrowest) for (const [method, asked] of judged.methods) add(methods, method, asked)
  return { place, methods }
}

/** Without those at which the route table would decide the same anyway. */
function needed(meets: readonly Judged[], all: readonly Judged[]): readonly Judged[] {
  const kept = new Set(meets.filter((meet) => !sameMethods(meet, decidingOf(meet.place, all))))
  // One that is kept would decide for those within it.
  for (let grown = true; grown; ) {
    grown = false
    for (const meet of meets) {
      if (kept.has(meet) || ![...kept].some((other) => covers(other.place, meet.place))) continue
      kept.add(meet)
      grown = true
    }
  }
  return [...kept]
}

/** The one that the route table would take: literal before parameter, segment by segment. */
function decidingOf(place: Place, all: readonly Judged[]): Judged | undefined {
  const kinds = ({ place: { pattern } }: Judged): string =>
    pattern.segments.map(({ kind }) => (kind === 'literal' ? '0' : '1')).join('')
  return all
    .filter((judged) => covers(judged.place, place))
    .reduce<Judged | undefined>((best, one) => (best === undefined || kinds(one) < kinds(best) ? one : best), undefined)
}

const sameMethods = (one: Judged, other: Judged | undefined): boolean =>
  other !== undefined &&
  one.methods.size === other.methods.size &&
  [...one.methods].every(([method, { demand }]) => {
    const same = other.methods.get(method)
    return same !== undefined && sameDemand(demand, same.demand)
  })
