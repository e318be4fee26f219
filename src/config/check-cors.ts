import type { Subject } from './check.ts'
import type { Finding, Path } from './problems.ts'
import type { CorsConfig } from './schema.ts'

/** A browser would let every page act for whoever has it open: no server may say so (Fetch standard, section 3.3.5). */
export function* checkCors({ config, routes }: Subject): Generator<Finding> {
  const policies: (readonly [path: Path, cors: CorsConfig | undefined])[] = [
    [['cors'], config.cors],
    ...routes.map(({ route, index }) => [['routes', index, 'cors'], route.cors] as const),
  ]
  for (const [path, cors] of policies) {
    if (!cors?.credentials || !cors.origins.includes('*')) continue
    yield {
      path: [...path, 'credentials'],
      message: 'true can\'t go together with the origin "*"; name the origins, or make it false',
    }
  }
}
