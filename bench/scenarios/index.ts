import { UsageError } from '../options.ts'
import { measureCases } from './measure.ts'
import type { Scenario } from './scenario.ts'

/** Loaded when asked for: a scenario pulls in the part of the product that it measures. */
const scenarios: Readonly<Record<string, () => Promise<Scenario>>> = {
  'canonical-path': async () => (await import('./canonical-path.ts')).scenario,
  'route-match': async () => (await import('./route-match.ts')).scenario,
  'key-lookup': async () => (await import('./key-lookup.ts')).scenario,
  limiter: async () => (await import('./limiter.ts')).scenario,
  'request-log': async () => (await import('./request-log.ts')).scenario,
}

/** Runs one small bench and prints nanoseconds per call. @throws {UsageError} naming those that there are. */
export async function runScenario(name: string, json: boolean): Promise<void> {
  const load = scenarios[name]
  if (load === undefined) {
    throw new UsageError(`--scenario: there is no "${name}"; there are ${Object.keys(scenarios).join(', ')}`)
  }
  const { about, open } = await load()
  await using opened = await open()
  const results = await measureCases(opened.cases)
  if (json) return void process.stdout.write(`${JSON.stringify({ scenario: name, results }, null, 2)}\n`)
  const width = Math.max(...results.map((result) => result.name.length))
  process.stdout.write(`${about}\n\n`)
  for (const { name: label, ns } of results) {
    const range = `(${ns.least.toFixed(0)}–${ns.most.toFixed(0)})`
    process.stdout.write(`${label.padEnd(width)}  ${ns.median.toFixed(0).padStart(8)} ns ${range}\n`)
  }
}
