import type { Config, PolicyTest } from '../config/schema.ts'
import { createExplain, type Explain, type ExplainedStep, type Explanation } from './explain.ts'

/** One entry of `tests:` and what came of it; the shape that `sallyport check --json` and the admin API give. */
export interface TestResult {
  readonly request: string
  readonly scopes: readonly string[] | null
  readonly expected: string
  readonly decision: 'allow' | 'deny'
  readonly code: string | null
  readonly route: string | null
  readonly passed: boolean
  /** The step that decided, and why. */
  readonly step: string | null
  readonly detail: string | null
}

/** Runs the `tests:` of a configuration that has passed its check. Calls nothing, charges nothing. */
export async function runPolicyTests(config: Config): Promise<TestResult[]> {
  const results: TestResult[] = []
  const explain = config.tests.length === 0 ? undefined : createExplain(config)
  if (explain) for (const test of config.tests) results.push(await runTest(test, explain))
  return results
}

async function runTest(test: PolicyTest, explain: Explain): Promise<TestResult> {
  const space = test.request.indexOf(' ')
  const explanation = await explain({
    method: test.request.slice(0, space),
    path: test.request.slice(space + 1),
    workspaces: test.workspaces,
    ...(test.scopes && { scopes: test.scopes }),
    ...(test.host !== undefined && { host: test.host }),
    ...(test.ip !== undefined && { ip: test.ip }),
  })
  const { decision, code, route } = explanation
  const deciding = decidingStep(explanation)
  return {
    request: test.request,
    scopes: test.scopes ?? null,
    expected: test.expect,
    decision,
    code,
    route,
    passed: test.expect === decision || (code !== null && test.expect === code),
    step: deciding?.step ?? null,
    detail: deciding?.detail ?? null,
  }
}

/** The step that refused, or the last one that was asked. */
function decidingStep({ steps }: Explanation): ExplainedStep | undefined {
  return steps.find(({ result }) => result === 'deny') ?? steps.findLast(({ result }) => result === 'pass')
}
