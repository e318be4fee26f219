import type { Command } from 'commander'
import { apiKeyRecord, keyStatus } from '../admin-api/records.ts'
import { systemClock } from '../clock.ts'
import { gracePeriodSecondsMax, rotateKey } from '../keys/rotate.ts'
import type { KeyFilter } from '../store/store.ts'
import { Failure, UsageFailure } from './failure.ts'
import { findKeyOwner, findOrganization, listAll, noSuchKey } from './find.ts'
import { describeKey, keyDetails, printSecret, secretsFrom } from './key-output.ts'
import { addKeysCreate } from './keys-create.ts'
import { addKeysReveal } from './keys-reveal.ts'
import { cliActor, withStore } from './open-store.ts'
import { addStoreOptions, type StoreOptions } from './options.ts'
import { print, printJson, table } from './output.ts'
import { readDuration, readInteger, readReason } from './values.ts'

/** `sallyport keys create|list|show|reveal|revoke|rotate` */
export function addKeys(program: Command): void {
  const keys = program.command('keys').description('API keys of an organization')
  addKeysCreate(keys)
  addKeysReveal(keys)

  addStoreOptions(keys.command('list'))
    .description('list the keys of an organization, newest first')
    .requiredOption('--org <org>', 'organization, by id or slug')
    .option('--status <status>', 'only active, expired or revoked ones')
    .addHelpText('after', '\nExamples:\n  $ sallyport keys list --org acme\n  $ sallyport keys list --org acme --json')
    .action(list)

  addStoreOptions(keys.command('show <key_id>'))
    .description('show what there is to know of a key, without its secret')
    .option('--org <org>', 'fail unless the key belongs to this organization')
    .addHelpText('after', '\nExamples:\n  $ sallyport keys show key_01j…\n  $ sallyport keys show key_01j… --json')
    .action(show)

  addStoreOptions(keys.command('revoke <key_id>'))
    .description('end a key for good; running gateways refuse it within a second')
    .option('--org <org>', 'fail unless the key belongs to this organization')
    .option('--reason <text>', 'why; kept in the audit trail', readReason)
    .addHelpText('after', '\nExample:\n  $ sallyport keys revoke key_01j… --reason "leaked in a log"')
    .action(revoke)

  addStoreOptions(keys.command('rotate <key_id>'))
    .description('give a key a new secret; its id and scopes stay')
    .option('--org <org>', 'fail unless the key belongs to this organization')
    .option(
      '--grace-period <time>',
      'how long the old secret stays valid, for example 1h (default: not at all)',
      readDuration,
    )
    .option('--grace-period-seconds <n>', 'the same in seconds, 0 to 2592000', readInteger)
    .addHelpText('after', '\nExample:\n  $ sallyport keys rotate key_01j… --grace-period 24h')
    .action(rotate)
}

async function list({ config, json, org, status }: StoreOptions & { org: string; status?: string }): Promise<void> {
  const filter = readStatus(status)
  await withStore(config, async (store) => {
    const organization = await findOrganization(store, org)
    const keys = await listAll((page) => store.listKeys(organization.id, filter, page))
    const now = systemClock.now()
    if (json) return printJson(keys.map((key) => apiKeyRecord(key, now)))
    if (keys.length === 0) {
      return print(`No keys. Create one: sallyport keys create --org ${organization.slug} --name "First key"`)
    }
    const rows = keys.map((key) => [
      key.id,
      key.name,
      `${key.secrets[0]?.keyPrefix ?? ''}…${key.secrets[0]?.keySuffix ?? ''}`,
      key.environment ?? '-',
      keyStatus(key, now),
      key.scopes.join(' '),
      day(key.expiresAt, 'never'),
      day(key.lastUsedAt, 'never'),
    ])
    print(table(['ID', 'NAME', 'KEY', 'ENVIRONMENT', 'STATUS', 'SCOPES', 'EXPIRES', 'LAST USED'], rows))
  })
}

async function show(keyId: string, { config, json, org }: StoreOptions & { org?: string }): Promise<void> {
  await withStore(config, async (store) => {
    const key = await store.findKey(await findKeyOwner(store, keyId, org), keyId)
    if (!key) throw new Failure(noSuchKey(keyId))
    const now = systemClock.now()
    if (json) printJson(apiKeyRecord(key, now))
    else print(describeKey(key, now, keyDetails(key)))
  })
}

type RevokeOptions = StoreOptions & { org?: string; reason?: string }

async function revoke(keyId: string, { config, json, org, reason }: RevokeOptions): Promise<void> {
  await withStore(config, async (store) => {
    const owner = await findKeyOwner(store, keyId, org)
    const key = await store.revokeKey(owner, keyId, reason ?? null, cliActor)
    if (!key) throw new Failure(noSuchKey(keyId))
    const now = systemClock.now()
    if (json) return printJson(apiKeyRecord(key, now))
    print(describeKey(key, now), '', 'Revoked. Running gateways refuse it within a second.')
  })
}

type RotateOptions = StoreOptions & { org?: string; gracePeriod?: number; gracePeriodSeconds?: number }

async function rotate(keyId: string, options: RotateOptions): Promise<void> {
  const { gracePeriod, gracePeriodSeconds } = options
  if (gracePeriod !== undefined && gracePeriodSeconds !== undefined) {
    throw new UsageFailure('give --grace-period or --grace-period-seconds, not both')
  }
  const seconds = gracePeriodSeconds ?? Math.ceil((gracePeriod ?? 0) / 1000)

  await withStore(options.config, async (store, config) => {
    const organizationId = await findKeyOwner(store, keyId, options.org)
    const rotated = await rotateKey(keyId, seconds, {
      store,
      clock: systemClock,
      environments: config.keys.environments,
      generate: await secretsFrom(config, store),
      organizationId,
      actor: cliActor,
    })
    if (!rotated.ok) throw new Failure(whyNotRotated[rotated.reason](keyId))
    printSecret({ ...rotated, config, json: options.json === true })
  })
}

const whyNotRotated = {
  not_found: noSuchKey,
  not_active: (keyId: string) => `key ${keyId} is revoked or expired; only an active key can be rotated`,
  environment_gone: (keyId: string) =>
    `the environment of key ${keyId} is no longer one of keys.environments; create another key instead`,
  bad_grace_period: () => `the grace period must be 0 to ${gracePeriodSecondsMax} seconds (30d)`,
} as const

function readStatus(status: string | undefined): KeyFilter {
  if (status === undefined) return {}
  if (status === 'active' || status === 'expired' || status === 'revoked') return { status }
  throw new UsageFailure('--status must be active, expired or revoked')
}

const day = (ms: number | null, never: string): string =>
  ms === null ? never : new Date(ms).toISOString().slice(0, 10)
