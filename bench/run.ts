import { inspectMachine } from './machine.ts'
import { measure } from './measure.ts'
import { parseOptions, UsageError, usage } from './options.ts'
import { runScenario } from './scenarios/index.ts'
import { subjects } from './subjects.ts'
import { picture, summarize } from './summary.ts'
import { compareWorkers } from './workers.ts'

/** The bench's command line; `usage` in options.ts says what it does. Exit codes: 0, 1 (a run that went wrong), 2 (usage). */
async function main(args: readonly string[]): Promise<void> {
  const options = parseOptions(
    args,
    subjects.map(({ name }) => name),
  )
  if (options.help) return void process.stdout.write(usage)
  if (options.scenario !== undefined) return runScenario(options.scenario, options.json)

  const machine = inspectMachine()
  await using stack = new AsyncDisposableStack()
  // Disposing takes the children along; a second signal ends the bench at once.
  const stopped = new Promise<never>((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => reject(new Error(`got ${signal}`)))
  })
  if (options.workers) return await Promise.race([compareWorkers(options, machine, stack), stopped])
  const chosen = options.subjects.flatMap((name) => subjects.filter((subject) => subject.name === name))
  const measured = await Promise.race([measure(chosen, options, machine, stack), stopped])
  const summaries = summarize(measured)
  if (options.json) return void process.stdout.write(`${JSON.stringify({ machine, summaries, measured }, null, 2)}\n`)
  process.stdout.write(`\n${picture(summaries)}`)
}

try {
  await main(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = error instanceof UsageError ? 2 : 1
}
