import type { Command } from 'commander'
import { organizationRecord } from '../admin-api/records.ts'
import type { Metadata, Organization } from '../store/store.ts'
import { conflictSays, Failure, UsageFailure } from './failure.ts'
import { findOrganization, listAll } from './find.ts'
import { cliActor, withStore } from './open-store.ts'
import { addStoreOptions, type StoreOptions } from './options.ts'
import { facts, print, printJson, table } from './output.ts'
import { readMetadata, readName, readReason } from './values.ts'

/** `sallyport orgs create|list|show|suspend|resume` */
export function addOrgs(program: Command): void {
  const orgs = program.command('orgs').description('organizations, which keys belong to')

  addStoreOptions(orgs.command('create'))
    .description('create an organization')
    .argument('<name>', 'what to call it', readName)
    .option('--slug <slug>', 'short name for commands and addresses; made from the name when left out')
    .option('--metadata <json>', 'a JSON object of your own', readMetadata)
    .addHelpText('after', '\nExample:\n  $ sallyport orgs create "Acme Ltd" --slug acme')
    .action(create)

  addStoreOptions(orgs.command('list'))
    .description('list organizations, newest first')
    .addHelpText('after', '\nExample:\n  $ sallyport orgs list --json')
    .action(list)

  addStoreOptions(orgs.command('show <org>'))
    .description('show an organization (id or slug)')
    .addHelpText('after', '\nExamples:\n  $ sallyport orgs show acme\n  $ sallyport orgs show acme --json')
    .action(show)

  addStoreOptions(orgs.command('suspend <org>'))
    .description('refuse every key of an organization (id or slug) until it is resumed')
    .option('--reason <text>', 'why; kept in the audit trail', readReason)
    .addHelpText('after', '\nExample:\n  $ sallyport orgs suspend acme --reason "invoice overdue"')
    .action((org: string, options: StoreOptions & { reason?: string }) => setStatus(org, 'suspended', options))

  addStoreOptions(orgs.command('resume <org>'))
    .description('accept the keys of a suspended organization again')
    .addHelpText('after', '\nExample:\n  $ sallyport orgs resume acme')
    .action((org: string, options: StoreOptions) => setStatus(org, 'active', options))
}

type CreateOptions = StoreOptions & { slug?: string; metadata?: Metadata }

async function create(name: string, { config, json, slug, metadata }: CreateOptions): Promise<void> {
  if (slug !== undefined && !/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(slug)) {
    throw new UsageFailure('the slug must be 1 to 63 lower-case letters, digits and -, not starting or ending with -')
  }
  await withStore(config, async (store) => {
    const input = { name, ...(slug !== undefined && { slug }), ...(metadata && { metadata }) }
    const organization = await store
      .createOrganization(input, cliActor)
      .catch(conflictSays('give another with --slug; "sallyport orgs list" shows those there are'))
    if (json) return printJson(organizationRecord(organization))
    print(describe(organization), '', `Next: sallyport keys create --org ${organization.slug} --name "First key"`)
  })
}

async function list({ config, json }: StoreOptions): Promise<void> {
  await withStore(config, async (store) => {
    const organizations = await listAll((page) => store.listOrganizations(page))
    if (json) return printJson(organizations.map(organizationRecord))
    if (organizations.length === 0) return print('No organizations yet. Create one: sallyport orgs create "Acme Ltd"')
    const rows = organizations.map(({ id, slug, name, status, createdAt }) => [
      id,
      slug,
      name,
      status,
      new Date(createdAt).toISOString(),
    ])
    print(table(['ID', 'SLUG', 'NAME', 'STATUS', 'CREATED'], rows))
  })
}

async function show(org: string, { config, json }: StoreOptions): Promise<void> {
  await withStore(config, async (store) => {
    const organization = await findOrganization(store, org)
    if (json) printJson(organizationRecord(organization))
    else print(describe(organization))
  })
}

async function setStatus(
  org: string,
  status: Organization['status'],
  { config, json, reason }: StoreOptions & { reason?: string },
): Promise<void> {
  await withStore(config, async (store) => {
    const { id } = await findOrganization(store, org)
    const organization = await store.updateOrganization(id, { status, statusReason: reason ?? null }, cliActor)
    if (!organization) throw new Failure(`organization ${org} has just been deleted`)
    if (json) return printJson(organizationRecord(organization))
    print(describe(organization))
  })
}

const describe = ({ id, slug, name, status, statusReason }: Organization): string =>
  facts([
    ['Organization', id],
    ['Slug', slug],
    ['Name', name],
    ['Status', statusReason === null ? status : `${status} (${statusReason})`],
  ])
