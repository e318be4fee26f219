import type { Answer, Operation } from './openapi-document.ts'

type Params = Readonly<Record<string, string>>

/** What an API is known to hold, learnt from its own answers. */
export interface ApiPopulation {
  /** Values for the path of an operation, of objects that belong together; undefined when there is none yet. */
  placeFor(operation: Operation, pick: <T>(from: readonly T[]) => T): Params | undefined
  /** What makes or lists what an operation has no place for yet. */
  sourceFor(operation: Operation, pick: <T>(from: readonly T[]) => T): Operation | undefined
  /** Ids of a path parameter in an organization, or in any other one. */
  ids(parameter: string, organizationId?: string): string[]
  /** Values seen under a name in any answer, newest last. */
  seen(name: string): readonly unknown[]
  /** A field of an object as it was last answered. */
  fieldOf(id: string, name: string): unknown
  /** The last tag of what a path answered. */
  tagOf(path: string): string | undefined
  learn(operation: Operation, params: Params, path: string, answer: Answer): void
}

/** @param parents ids that are never chosen to be deleted: everything else is in them. */
export function createPopulation(operations: readonly Operation[], parents: ReadonlySet<string>): ApiPopulation {
  const places = new Map<string, Params[]>()
  const values = new Map<string, unknown[]>()
  const objects = new Map<string, Readonly<Record<string, unknown>>>()
  const tags = new Map<string, string>()
  /** Collection → the parameter that names one of its members. */
  const members = new Map<string, string>()
  /** What is put and deleted is a link between two objects: its end is the end of neither. */
  const links = new Set(operations.filter(({ method }) => method === 'PUT').map(({ path }) => path))
  for (const { path } of operations) {
    const pieces = path.split('/')
    for (const [index, piece] of pieces.entries()) {
      if (/^\{\w+\}$/.test(piece)) members.set(pieces.slice(0, index).join('/'), piece.slice(1, -1))
    }
  }

  const add = (parameter: string, place: Params): void => {
    const known = places.get(parameter) ?? []
    const text = JSON.stringify(place)
    if (known.some((other) => JSON.stringify(other) === text)) return
    // Those that were there first stay: they are the ones with something in them.
    if (known.length >= placesMax) known.splice(Math.floor(placesMax / 2), 1)
    known.push(place)
    places.set(parameter, known)
  }

  const remember = (name: string, value: unknown): void => {
    const known = values.get(name) ?? []
    if (known.includes(value)) return
    known.push(value)
    if (known.length > valuesMax) known.shift()
    values.set(name, known)
  }

  const harvest = (value: unknown): void => {
    if (Array.isArray(value)) for (const member of value.slice(0, 10)) harvest(member)
    else if (typeof value === 'object' && value !== null) {
      for (const [name, member] of Object.entries(value)) {
        if (typeof member === 'string' && member !== '') remember(name, member)
        else harvest(member)
      }
    }
  }

  /** The object that an answer is about: itself, or the first of its members that has an id. */
  const recordsIn = (body: unknown): Record<string, unknown>[] => {
    if (Array.isArray(body)) return body.flatMap(recordsIn)
    if (typeof body !== 'object' || body === null) return []
    if ('id' in body && typeof body.id === 'string') return [body as Record<string, unknown>]
    return Object.values(body).flatMap((member) => (Array.isArray(member) ? [] : recordsIn(member)))
  }

  return {
    placeFor({ method, path }, pick) {
      const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name)
      let chosen: Params = {}
      // From the last one: it says to what the others belong.
      for (const name of names.toReversed()) {
        if (name in chosen) continue
        const fits = (places.get(name) ?? []).filter((place) =>
          Object.entries(place).every(([other, id]) => !names.includes(other) || (chosen[other] ?? id) === id),
        )
        const mortal = method === 'DELETE' && path.endsWith(`{${name}}`)
        const free = mortal ? fits.filter((place) => !parents.has(place[name] ?? '')) : fits
        if (free.length === 0) return undefined
        const whole = free.filter((place) => names.every((other) => other in place))
        const place = pick(whole.length > 0 ? whole : free)
        chosen = { ...Object.fromEntries(Object.entries(place).filter(([other]) => names.includes(other))), ...chosen }
      }
      return chosen
    },
    sourceFor({ path }, pick) {
      for (const [, name = ''] of path.matchAll(/\{(\w+)\}/g)) {
        if ((places.get(name) ?? []).length > 0) continue
        const sources = operations.filter((operation) => members.get(operation.path) === name)
        const makers = sources.filter(({ method }) => method === 'POST')
        if (sources.length > 0) return pick(makers.length > 0 ? makers : sources)
      }
      return undefined
    },
    ids: (parameter, organizationId) =>
      (places.get(parameter) ?? [])
        .filter((place) => organizationId === undefined || place.organization_id === organizationId)
        .map((place) => place[parameter] ?? ''),
    seen: (name) => values.get(name) ?? [],
    fieldOf: (id, name) => objects.get(id)?.[name],
    tagOf: (path) => tags.get(path),
    learn({ method, path: template }, params, path, { status, headers, text }) {
      if (status < 200 || status > 299) return
      if (method === 'DELETE') {
        const last = members.get(template.replace(/\/\{\w+\}$/, ''))
        if (last === undefined || links.has(template)) return
        for (const [name, known] of places) {
          const left = known.filter((place) => place[last] !== params[last])
          places.set(name, left)
        }
        return
      }
      const etag = headers.etag
      if (typeof etag === 'string') tags.set(path, etag)
      for (const [, token] of text.matchAll(/#token=([\w-]+)/g)) remember('token', token)
      const cursor = /[?&]cursor=([^&>]+)/.exec(String(headers.link ?? ''))?.[1]
      if (cursor !== undefined) remember('cursor', decodeURIComponent(cursor))
      let body: unknown
      try {
        body = JSON.parse(text)
      } catch {
        return
      }
      harvest(body)
      const parameter = members.get(template)
      for (const record of recordsIn(body)) {
        const id = String(record.id)
        objects.set(id, record)
        if (objects.size > objectsMax) objects.delete(objects.keys().next().value ?? '')
        if (parameter !== undefined) add(parameter, { ...params, [parameter]: id })
      }
    },
  }
}

const placesMax = 60
const valuesMax = 30
const objectsMax = 5000
