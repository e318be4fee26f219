import type { Command } from 'commander'
import { type ExplainRequest, type Explanation, explain } from '../gateway/explain.ts'
import { ungrantable } from '../keys/create.ts'
import { findKeyRecord } from '../keys/find-record.ts'
import { Failure, UsageFailure } from './failure.ts'
import { noSuchKey } from './find.ts'
import { loadOrFail } from './load.ts'
import { withStore } from './open-store.ts'
import { addStoreOptions, type StoreOptions } from './options.ts'
import { facts, print, printJson, table } from './output.ts'
import { readList } from './values.ts'

/** `sallyport explain` */
export function addExplain(program: Command): void {
  addStoreOptions(program.command('explain'))
    .description('tell what would happen to a request, step by step; calls nothing, charges nothing')
    .requiredOption('--method <method>', 'GET, POST, …')
    .requiredOption('--path <path>', 'the path, with its query if it has one')
    .option('--key-id <id>', 'as this key')
    .option('--scopes <a,b>', 'as a key with these scopes', readList)
    .option('--anonymous', 'without a key')
    .option('--workspace <id>', 'grant of the key made up with --scopes; may be repeated', readList)
    .option('--ip <address>', "the caller's address (default: 127.0.0.1)")
    .option('--host <host>', 'the Host header')
    .addHelpText('after', examples)
    .action(explainCommand)
}

interface ExplainOptions extends StoreOptions {
  method: string
  path: string
  keyId?: string
  scopes?: string[]
  anonymous?: boolean
  workspace?: string[]
  ip?: string
  host?: string
}

async function explainCommand(options: ExplainOptions): Promise<void> {
  const { method, path, keyId, scopes, anonymous, workspace, ip, host, json } = options
  const callers = [keyId !== undefined, scopes !== undefined, anonymous === true].filter(Boolean).length
  if (callers !== 1) throw new UsageFailure('say who calls with one of --key-id, --scopes or --anonymous')
  if (workspace && !scopes) throw new UsageFailure('--workspace goes with --scopes; a key has its own grants')

  const request: ExplainRequest = {
    method: method.toUpperCase(),
    path,
    ...(scopes && { scopes, workspaces: workspace ?? [] }),
    ...(ip !== undefined && { ip }),
    ...(host !== undefined && { host }),
  }
  const explanation =
    keyId === undefined ? await judgeMadeUp(request, options) : await judgeKey(keyId, request, options)
  if (json) printJson(explanation)
  else printExplanation(request, explanation)
}

async function judgeMadeUp(request: ExplainRequest, options: ExplainOptions): Promise<Explanation> {
  const { config } = await loadOrFail(options.config)
  const unknown = [...ungrantable(request.scopes ?? [], Object.keys(config.scopes))]
  if (unknown.length > 0) throw new Failure(unknown.map(({ message }) => `--scopes: ${message}`).join('\n'))
  return explain(config, request)
}

async function judgeKey(keyId: string, request: ExplainRequest, options: ExplainOptions): Promise<Explanation> {
  return withStore(options.config, async (store, config) => {
    const record = await findKeyRecord(store, keyId)
    if (!record) throw new Failure(noSuchKey(keyId))
    return explain(config, { ...request, record })
  })
}

function printExplanation({ method, path }: ExplainRequest, { decision, code, route, steps }: Explanation): void {
  print(
    facts([
      ['Request', `${method} ${path}`],
      ['Route', route ?? 'none'],
      ['Decision', code === null ? decision : `${decision} (${code})`],
    ]),
    '',
    table(
      ['STEP', 'RESULT', 'DETAIL'],
      steps.map(({ step, result, detail }) => [step, result, detail]),
    ),
  )
}

const examples = `
Examples:
  $ sallyport explain --method GET --path /api/v1/projects/42 --scopes projects:read
  $ sallyport explain --method POST --path /api/v1/projects/42/runs --key-id key_01j… --ip 203.0.113.7
  $ sallyport explain --method GET --path /status --anonymous --json`
