import { constants } from 'node:fs'
import { copyFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'
import { Failure, UsageFailure } from './failure.ts'
import { addConfigOption } from './options.ts'
import { print } from './output.ts'

/** `sallyport init` */
export function addInit(program: Command): void {
  addConfigOption(program.command('init'))
    .description('write a commented gateway.yaml to begin with')
    .requiredOption('--upstream <url>', 'the API to protect, for example http://127.0.0.1:9000')
    .addHelpText('after', '\nExample:\n  $ sallyport init --upstream http://127.0.0.1:9000')
    .action(init)
}

async function init({ config, upstream }: { config: string; upstream: string }): Promise<void> {
  const text = starter(readOrigin(upstream))
  try {
    // wx: fails when the file is there. Someone's routes are not ours to overwrite.
    await writeFile(config, text, { flag: 'wx' })
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw new Failure(`${config} can't be written: ${String(error)}`)
    throw new Failure(`${config} is there already and was left as it is; name another with --config`)
  }
  await addSchema(dirname(config))
  const option = config === 'gateway.yaml' ? '' : ` --config ${config}`
  print(
    `Wrote ${config}. Next:`,
    '',
    `  sallyport check${option}                   is it right?`,
    `  sallyport orgs create "Acme"${option}      an organization`,
    `  sallyport keys create --org acme --name "First key"${option}`,
    `  sallyport start${option}                   and run it`,
  )
}

function readOrigin(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url && (url.protocol === 'http:' || url.protocol === 'https:')) {
    if (url.pathname === '/' && !url.search && !url.hash && !url.username && !url.password) return url.origin
  }
  throw new UsageFailure('--upstream must be an origin without path or credentials, for example http://127.0.0.1:9000')
}

/** The schema that the first line names, so that editors complete and check the file. Nothing depends on it. */
async function addSchema(folder: string): Promise<void> {
  const source = fileURLToPath(new URL('../../gateway.schema.json', import.meta.url))
  await copyFile(source, join(folder, 'gateway.schema.json'), constants.COPYFILE_EXCL).catch(() => undefined)
}

const isCode = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code

const starter = (upstream: string): string => `# yaml-language-server: $schema=./gateway.schema.json
# Sallyport. "sallyport check" tells what is wrong with this file; every setting is in docs/reference/configuration.md.

listen: 0.0.0.0:8080              # callers come in here
admin: { listen: 127.0.0.1:9090 } # health and metrics; keep it private
store: sqlite:data/sallyport.db   # keys and the request log; relative to this file

keys:
  prefix: sk                      # keys look like sk_live_…
  environments: [live, test]

# What keys can be allowed to do. The names are yours.
scopes:
  api:read: Read everything
  api:write: Create, change and delete

limits:
  key-minute: { by: key, requests: 120, per: 1m }

upstreams:
  api:
    targets: [${upstream}]

# The most specific route decides alone. What no route names is refused.
routes:
  - path: /*
    methods: [GET]
    scopes: [api:read]
    limits: [key-minute]
    upstream: api
  - path: /*
    methods: [POST, PUT, PATCH, DELETE]
    scopes: [api:write]
    limits: [key-minute]
    upstream: api
  # - { path: /status, public: true, upstream: api }   # no key asked for
  # - { path: /internal/*, deny: true }                # no key may pass

# "sallyport check" runs these.
tests:
  - { request: GET /things, scopes: [api:read], expect: allow }
  - { request: POST /things, scopes: [api:read], expect: INSUFFICIENT_SCOPE }
  - { request: GET /things, expect: INVALID_API_KEY }
`
