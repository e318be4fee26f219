import type { Command } from 'commander'
import { formatProblems, loadConfig } from '../config/load.ts'
import type { Config } from '../config/schema.ts'
import { runPolicyTests, type TestResult } from '../gateway/policy-tests.ts'
import { Failure } from './failure.ts'
import { loadOrFail } from './load.ts'
import { addStoreOptions, type StoreOptions } from './options.ts'
import { print, printJson, tell } from './output.ts'

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
  const results = await runPolicyTests(config)
  const missed = results.filter(({ passed }) => !passed)

  if (json) printJson({ valid: true, problems: [], warnings, tests: results })
  else if (missed.length === 0) print(`${file} is valid: ${counts(config)}${passedText(results.length)}`)
  if (!json) for (const warning of warnings) tell(`warning: ${formatProblems([warning])}`)
  if (missed.length > 0) {
    throw new Failure(
      [`${missed.length} of ${results.length} tests missed in ${file}`, ...missed.map(missText)].join('\n'),
    )
  }
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
