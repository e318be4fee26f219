import { createHiding } from '../config/hidden-values.ts'
import { loadText } from '../config/load.ts'
import type { Problem } from '../config/problems.ts'
import type { Config } from '../config/schema.ts'
import { runPolicyTests, type TestResult } from '../gateway/policy-tests.ts'
import { changesBetween, type PolicyChanges } from './policy-changes.ts'

/** A text that may become the configuration, as `sallyport check` judges it. */
export interface PolicyVerdict {
  readonly valid: boolean
  readonly problems: readonly PolicyProblem[]
  readonly warnings: readonly PolicyProblem[]
  readonly tests: readonly TestResult[]
  /** How many test results are left out; those that were missed come first. */
  readonly tests_left_out: number
  /** Null where it is not valid. */
  readonly changes: PolicyChanges | null
}

export interface PolicyProblem {
  /** From 1; null where it is about the file as a whole. */
  readonly line: number | null
  readonly column: number | null
  readonly path: string
  readonly message: string
}

export interface PolicyQuestion {
  readonly text: string
  /** Whose place the text would take. */
  readonly file: string
  readonly env: Readonly<Record<string, string>>
  readonly inForce: Config
}

/** Looks, and changes nothing. What came from the environment is in no part of the answer. */
export async function validatePolicy({ text, file, env, inForce }: PolicyQuestion): Promise<PolicyVerdict> {
  const loaded = await loadText(text, file, env)
  if (!loaded.ok) return invalid(loaded.problems.map(policyProblem))
  const hide = createHiding(loaded.given)
  const tests = (await runPolicyTests(loaded.config)).map((test) => hideIn(test, hide))
  const sorted = [...tests.filter(({ passed }) => !passed), ...tests.filter(({ passed }) => passed)]
  return {
    valid: true,
    problems: [],
    warnings: loaded.warnings.map(policyProblem),
    tests: tests.length <= testsMax ? tests : sorted.slice(0, testsMax),
    tests_left_out: Math.max(0, tests.length - testsMax),
    changes: changesBetween(inForce, loaded.config, hide),
  }
}

export const invalid = (problems: readonly PolicyProblem[]): PolicyVerdict => ({
  ...{ valid: false, problems, warnings: [], tests: [], tests_left_out: 0, changes: null },
})

export const policyProblem = ({ line, column, path, message }: Problem): PolicyProblem => ({
  ...{ line: line === 0 ? null : line, column: line === 0 ? null : column, path, message },
})

const testsMax = 500

function hideIn(test: TestResult, hide: (text: string) => string): TestResult {
  const optional = (text: string | null): string | null => (text === null ? null : hide(text))
  return {
    ...test,
    request: hide(test.request),
    scopes: test.scopes === null ? null : test.scopes.map(hide),
    route: optional(test.route),
    detail: optional(test.detail),
  }
}
