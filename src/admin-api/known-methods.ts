/** Which methods the routes of a server have; answers what Allow has to say. */
export interface KnownMethods {
  /** @param pattern as given to the router: literal segments, `:name`, a final `*`. */
  add(pattern: string, methods: string | readonly string[]): void
  /** @returns the methods of every pattern that matches the path; empty when there is none. */
  at(path: string): readonly string[]
}

export function createKnownMethods(): KnownMethods {
  const patterns = new Map<string, { readonly segments: readonly string[]; readonly methods: Set<string> }>()
  return {
    add(pattern, methods) {
      const known = patterns.get(pattern) ?? { segments: pattern.split('/'), methods: new Set() }
      for (const method of [methods].flat()) known.methods.add(method)
      patterns.set(pattern, known)
    },
    at(path) {
      const segments = path.split('/')
      const matching = [...patterns.values()].filter((known) => matches(known.segments, segments))
      return [...new Set(matching.flatMap(({ methods }) => [...methods]))].sort()
    },
  }
}

function matches(pattern: readonly string[], path: readonly string[]): boolean {
  const open = pattern.at(-1) === '*'
  if (open ? path.length < pattern.length : path.length !== pattern.length) return false
  return pattern.every((segment, at) => segment === '*' || segment.startsWith(':') || segment === path[at])
}
