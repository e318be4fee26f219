import type { Command } from 'commander'
import type { App } from '../app.ts'
import type { LoadedConfig } from '../config/load.ts'
import { nearest } from '../config/nearest.ts'
import { Failure, UsageFailure } from './failure.ts'
import { loadOrFail } from './load.ts'
import { addConfigOption } from './options.ts'

/** `sallyport start`, and `sallyport` alone. */
export function addStart(program: Command): void {
  addConfigOption(program.command('start', { isDefault: true }))
    .description('run the gateway (the default command)')
    .option('--quiet', 'nothing on stderr but errors; the log stays on stdout')
    .allowExcessArguments()
    .addHelpText('after', signals)
    .action(async (options: { config: string; quiet?: boolean }, command: Command) => {
      refuseOperands(command)
      await runUntilSignal(options)
    })
}

/** Resolves when a signal has ended the gateway and nothing is left open. */
async function runUntilSignal({ config: file, quiet }: { config: string; quiet?: boolean }): Promise<void> {
  // Before anything else: as PID 1 of a container the process would ignore a signal that it has no handler for.
  const stopped = firstSignal()
  const config = await loadOrFail(file)
  const calledOff = new AbortController()
  void stopped.then(() => calledOff.abort())
  await using app = await startApp(config, file, calledOff.signal)
  // Whoever ends it while it waits for the store has got what they want.
  if (app === undefined) return
  process.on('SIGHUP', () => void app.reload())
  process.on('SIGUSR2', () => void app.replaceWorkers().catch(() => undefined))
  if (!quiet) await welcome(app, file)

  await stopped
  await app.drain()
}

/** The first signal stops in good order; whoever sends a second one does not want to wait. */
function firstSignal(): Promise<void> {
  return new Promise((resolve) => {
    let seen = false
    const stop = (): void => {
      if (seen) process.exit(1)
      seen = true
      resolve()
    }
    process.on('SIGTERM', stop)
    process.on('SIGINT', stop)
  })
}

async function startApp(config: LoadedConfig, configFile: string, signal: AbortSignal): Promise<App | undefined> {
  // Loaded for this command alone: the others would wait for a data plane that they don't use.
  const { start, StartAborted } = await import('../app.ts')
  try {
    return await start({
      config,
      configFile,
      signal,
      waiting: (reason) => void process.stderr.write(`waiting for the store: ${reason}\n`),
    })
  } catch (error) {
    if (error instanceof StartAborted) return undefined
    if (!(error instanceof Error && 'code' in error && 'port' in error)) throw error
    const address = `${'address' in error ? String(error.address) : ''}:${String(error.port)}`
    throw new Failure(`can't listen on ${address}: ${whyNot[String(error.code)] ?? error.message}`)
  }
}

const whyNot: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program does; stop it, or change listen or admin.listen in the configuration',
  EACCES: 'this user may not; take a port above 1023',
  EADDRNOTAVAIL: 'this machine has no such address',
}

/** For people: where it listens and what to do next. On stderr, since stdout carries the log as JSON lines. */
async function welcome(app: App, file: string): Promise<void> {
  const lines = [
    `Sallyport is running from ${file}`,
    `  callers        ${app.dataUrl}`,
    `  administration ${app.adminUrl}  (/healthz /readyz /metrics)`,
  ]
  const [organization] = await app.store.listOrganizations({ limit: 1 })
  if (!organization) {
    const option = file === 'gateway.yaml' ? '' : ` --config ${file}`
    lines.push(
      'There are no keys yet. In another terminal:',
      `  sallyport orgs create "Acme"${option}`,
      `  sallyport keys create --org acme --name "First key"${option}`,
    )
  }
  const link = await app.setupLink()
  if (link !== undefined) {
    lines.push(
      `Nobody can log in yet. This makes the first operator, once, before ${new Date(link.expiresAt).toISOString()}:`,
      `  ${link.url}`,
      'Without a browser, with the token that stands behind #token= in it:',
      `  curl -X POST ${app.adminUrl}/platform/setup -H "Content-Type: application/json" \\`,
      `    -d '{"token": "…", "email": "you@example.com", "name": "You", "password": "12 characters or more"}'`,
    )
  }
  process.stderr.write(`${lines.join('\n')}\n`)
}

/** A mistyped command lands here, since this is the default one. */
function refuseOperands(command: Command): void {
  const [operand] = command.args
  if (operand === undefined) return
  const names = command.parent?.commands.map((other) => other.name()) ?? []
  const near = nearest(operand, names)
  const hint = near === undefined ? `commands are ${names.join(', ')}` : `did you mean ${near}?`
  throw new UsageFailure(`unknown command ${JSON.stringify(operand)}; ${hint}`)
}

const signals = `
Examples:
  $ sallyport start
  $ sallyport start --config /etc/sallyport/gateway.yaml

Signals: SIGTERM and SIGINT finish what is in flight, then exit 0 (a second one exits at once); SIGHUP reads the file again;
SIGUSR2 starts the workers anew, one after the other.`
