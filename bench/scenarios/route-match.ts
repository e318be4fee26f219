import { parsePattern } from '../../src/config/pattern.ts'
import { buildRouteTable, type RouteEntry } from '../../src/gateway/route-table.ts'
import type { Case, Scenario } from './scenario.ts'

/** Which of 500 routes a path selects: 100 resources with 5 patterns each, one of them with a capital letter. */
export const scenario: Scenario = {
  about: 'route table of 500 routes: one match, nanoseconds',
  open: async () => ({ cases, [Symbol.asyncDispose]: async () => {} }),
}

const shapes = ['', '/:id', '/:id/runs', '/:id/runs/:run_id', '/:id/files/*']
const texts = Array.from({ length: 100 }, (_, i) => shapes.map((shape) => `/api/v1/resource-${i}${shape}`)).flat()
const folded = table([...texts.slice(0, -1), '/api/v1/resource-99/*'])
const withCapitals = table([...texts.slice(0, -1), '/api/v1/Reports/:id'])

const cases: readonly Case[] = [
  match('a literal', folded, '/api/v1/resource-42', '/api/v1/resource-42'),
  match('two parameters', folded, '/api/v1/resource-42/prj_1/runs/run_2', '/api/v1/resource-42/:id/runs/:run_id'),
  match('a final *', folded, '/api/v1/resource-42/prj_1/files/a/b/c', '/api/v1/resource-42/:id/files/*'),
  match('no route', folded, '/api/v2/resource-42', undefined),
  match('capitals in the path', folded, '/api/v1/resource-42/PRJ_1', '/api/v1/resource-42/:id'),
  match('capitals in one of the routes', withCapitals, '/api/v1/resource-42/prj_1', '/api/v1/resource-42/:id'),
  match('non-ASCII in the path', folded, '/api/v1/resource-42/caf%C3%A9', '/api/v1/resource-42/:id'),
]

function table(patterns: readonly string[]) {
  const entries = patterns.map((text): RouteEntry<string> => {
    const pattern = parsePattern(text)
    if (typeof pattern === 'string') throw new Error(`${text}: ${pattern}`)
    return { host: undefined, pattern, value: text }
  })
  return buildRouteTable(entries)
}

function match(name: string, routes: ReturnType<typeof table>, path: string, expected: string | undefined): Case {
  return {
    name,
    run(times) {
      let length = 0
      for (let i = 0; i < times; i++) {
        const found = routes.match('api.example.com', path)
        if (found?.value !== expected) throw new Error(`${path} selected ${found?.value}`)
        length += found?.captured.length ?? 1
      }
      return length
    },
  }
}
