import type { OpenApiDocument } from '../../../src/cli/openapi/document.ts'
import { marksOf } from '../../../src/cli/openapi/gateway-file.ts'
import { readGatewayFile } from '../../../src/cli/openapi/merge.ts'
import { type ImportOptions, type ImportPlan, planImport } from '../../../src/cli/openapi/plan-import.ts'
import { parseConfig } from '../../../src/config/load.ts'
import type { Config } from '../../../src/config/schema.ts'
import { createExplain, type Explanation } from '../../../src/gateway/explain.ts'

export const emptyFile = 'upstreams: {}\nscopes: {}\nroutes: []\n'

export type Caller = readonly string[] | 'nobody'

export interface Imported {
  readonly plan: ImportPlan
  readonly config: Config
  /** What becomes of a request by a key with these scopes, or without a key. */
  ask(method: string, path: string, caller: Caller): Promise<Explanation>
}

interface TestOptions extends Partial<ImportOptions> {
  readonly into?: string
  readonly name?: string
  readonly title?: string
  readonly version?: string
}

/** Imports a document and reads the outcome as the gateway does. */
export function importDocument(
  root: Record<string, unknown>,
  { into = emptyFile, name = 'api.yaml', title = 'Test', version = '', ...options }: TestOptions = {},
): Imported {
  const document: OpenApiDocument = { root, swagger: root.swagger !== undefined, title, version }
  const file = readGatewayFile(into, 'gateway.yaml', marksOf(name))
  const plan = planImport(document, file, { withoutSecurity: 'key', ...options })
  const loaded = parseConfig(plan.text, 'gateway.yaml', {})
  if (!loaded.ok) throw new Error(`${loaded.problems.map(({ message }) => message).join('\n')}\n${plan.text}`)
  const explain = createExplain(loaded.config)
  return {
    plan,
    config: loaded.config,
    ask: (method, path, caller) => explain({ method, path, ...(caller !== 'nobody' && { scopes: caller }) }),
  }
}
