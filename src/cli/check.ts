import type { Command } from 'commander'
import { formatProblems, loadConfig } from '../config/load.ts'
import type { Config, PolicyTest } from '../config/schema.ts'
import { type Explanation, explain } from '../gateway/explain.ts'
import { Failure } from './failure.ts'
import { loadOrFail } from './load.ts'
import { addStoreOptions, type StoreOptions } from './options.ts'
import { print, printJson } from './output.ts'

/** `sallyport check` */
export function addCheck(program: Command): void {
  addStoreOptions(program.command('check'))
    .description('validate the configuration and run its tests; starts nothing, calls nothing')
    .addHelpText('after', '\nExamples:\n  $ sallyport check\n  $ sallyport check --config staging.yaml --json')
    .action(check)
}

async function check({ config: file, json }: StoreOptions): Promise<void> {
  if (json) await refuseAsJson(file)
  const { config, warnings } = await loadOrFail(file)
  const results: TestResult[] = []
  for (const test of config.tests) results.push(await runTest(test, config))
  const missed = results.filter(({ passed }) => !passed)

  if (json) printJson({ valid: true, problems: [], warnings, tests: results })
  else if (missed.length === 0) print(`${file} is valid: ${counts(config)}${passedText(results.length)}`)
  if (!json) for (const warning of warnings) process.stderr.write(`warning: ${formatProblems([warning])}\n`)
  if (missed.length > 0) {
    throw new Failure(
      [`${missed.length} of ${results.length} tests missed in ${file}`, ...missed.map(missText)].join('\n'),
    )
  }
}

/** One entry of `tests:` and what came of it; the shape that --json prints. */
interface TestResult {
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

async function runTest(test: PolicyTest, config: Config): Promise<TestResult> {
  const space = test.request.indexOf(' ')
  const explanation = await explain(config, {
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
function decidingStep({ steps }: Explanation): Explanation['steps'][number] | undefined {
  return steps.find(({ result }) => result === 'deny') ?? steps.findLast(({ result }) => result === 'pass')
}

function missText({ request, scopes, expected, decision, code, route, step, detail }: TestResult): string {
  const key = scopes === null ? 'without a key' : `with scopes [${scopes.join(', ')}]`
  return [
    `  ${request} ${key}`,
    `    expected  ${expected}`,
    `    came      ${code ?? decision}${route === null ? '' : `, by route ${route}`}`,
    `    decided   ${step ?? 'nothing'}: ${detail ?? 'no step ran'}`,
  ].join('\n')
}

/** With --json the problems of the file are data, not a text for people. */
async function refuseAsJson(file: string): Promise<void> {
  const loaded = await loadConfig(file, process.env)
  if (loaded.ok) return
  printJson({ valid: false, problems: loaded.problems, warnings: [], tests: [] })
  throw new Failure(`${file} has ${count(loaded.problems.length, 'problem')}`)
}

const counts = ({ routes, upstreams, limits }: Config): string =>
  [
    count(routes.length, 'route'),
    count(Object.keys(upstreams).length, 'upstream'),
    count(Object.keys(limits).length, 'limit'),
  ].join(', ')

const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`
const passedText = (tests: number): string => (tests === 0 ? '; it has no tests' : `; ${count(tests, 'test')} passed`)
