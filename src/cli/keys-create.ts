import type { Command } from 'commander'
import { systemClock } from '../clock.ts'
import { createKey, type FieldProblem, type KeyRequest, keyRules } from '../keys/create.ts'
import type { Metadata, RateLimitSetting } from '../store/store.ts'
import { Failure } from './failure.ts'
import { findOrganization } from './find.ts'
import { printSecret, secretsFrom } from './key-output.ts'
import { cliActor, withStore } from './open-store.ts'
import { addStoreOptions, type StoreOptions } from './options.ts'
import { readInteger, readList, readMetadata, readRateLimit } from './values.ts'

/** `sallyport keys create` */
export function addKeysCreate(keys: Command): void {
  addStoreOptions(keys.command('create'))
    .description('create a key; it is printed once, and stored as a hash alone unless keys.reveal is on')
    .requiredOption('--org <org>', 'organization, by id or slug')
    .requiredOption('--name <name>', 'what the key is for')
    .option('--description <text>', 'more about it')
    .option('--scope, --scopes <a,b>', 'scopes; may be repeated (default: keys.default_scopes)', readList)
    .option('--environment <name>', 'one of keys.environments (default: the first)')
    .option('--expires-in-days <n>', '1 to 3650 (default: never)', readInteger)
    .option('--workspace <id>', 'grant this workspace, by id or external id; may be repeated', readList)
    .option('--project-id <id>', 'bind the key to this workspace, by id or external id')
    .option('--allowed-ip <cidr>', 'accept the key from here alone; may be repeated', readList)
    .option('--rate-limit <n/time>', "the key's own limit, for example 100/1m", readRateLimit)
    .option('--metadata <json>', 'a JSON object of your own', readMetadata)
    .addHelpText('after', examples)
    .action(create)
}

interface CreateOptions extends StoreOptions {
  org: string
  name: string
  description?: string
  scopes?: string[]
  environment?: string
  expiresInDays?: number
  workspace?: string[]
  projectId?: string
  allowedIp?: string[]
  rateLimit?: RateLimitSetting
  metadata?: Metadata
}

async function create(options: CreateOptions): Promise<void> {
  await withStore(options.config, async (store, config) => {
    const { id: organizationId } = await findOrganization(store, options.org)
    const created = await createKey(keyRequest(options), {
      store,
      rules: keyRules(config),
      clock: systemClock,
      generate: await secretsFrom(config, store),
      organizationId,
      actor: cliActor,
    })
    if (!created.ok) throw new Failure(created.problems.map((problem) => problemText(problem, options.org)).join('\n'))
    printSecret({ ...created, config, json: options.json === true })
  })
}

function keyRequest({ workspace, allowedIp, ...options }: CreateOptions): KeyRequest {
  const { config: _config, json: _json, org: _org, ...same } = options
  return { ...same, ...(workspace && { workspaceIds: workspace }), ...(allowedIp && { allowedIps: allowedIp }) }
}

/** The rules speak of the fields of the API; whoever typed a command knows its options. */
function problemText({ path, code, message }: FieldProblem, org: string): string {
  const field = path.split('.')[0] ?? path
  const isWorkspace = field === 'workspace_ids' || field === 'project_id'
  const hint =
    isWorkspace && code === 'NOT_FOUND' ? `; "sallyport workspaces list --org ${org}" shows those there are` : ''
  return `${optionOf[field] ?? field}: ${message}${hint}`
}

const optionOf: Readonly<Record<string, string>> = {
  name: '--name',
  description: '--description',
  scopes: '--scopes',
  environment: '--environment',
  expires_in_days: '--expires-in-days',
  workspace_ids: '--workspace',
  project_id: '--project-id',
  allowed_ips: '--allowed-ip',
  rate_limit: '--rate-limit',
  metadata: '--metadata',
}

const examples = `
Examples:
  $ sallyport keys create --org acme --name "CI pipeline" --scopes projects:read,runs:write
  $ sallyport keys create --org acme --name Nightly --expires-in-days 90 --allowed-ip 203.0.113.0/24
  $ sallyport keys create --org acme --name Website --workspace prj_42 --rate-limit 100/1m
  $ KEY=$(sallyport keys create --org acme --name Script --json | jq -r .raw_key)`
