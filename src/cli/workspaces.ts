import type { Command } from 'commander'
import { workspaceRecord } from '../admin-api/records.ts'
import { conflictSays, UsageFailure } from './failure.ts'
import { findOrganization, listAll } from './find.ts'
import { cliActor, withStore } from './open-store.ts'
import { addStoreOptions, type StoreOptions } from './options.ts'
import { facts, print, printJson, table } from './output.ts'
import { readName } from './values.ts'

/** `sallyport workspaces create|list` */
export function addWorkspaces(program: Command): void {
  const workspaces = program.command('workspaces').description('workspaces, which keys can be granted')

  addStoreOptions(workspaces.command('create'))
    .description('create a workspace')
    .argument('<name>', 'what to call it', readName)
    .requiredOption('--org <org>', 'organization, by id or slug')
    .option('--external-id <id>', 'the id that your API has for it, as it stands in paths')
    .addHelpText('after', '\nExample:\n  $ sallyport workspaces create "Website" --org acme --external-id prj_42')
    .action(create)

  addStoreOptions(workspaces.command('list'))
    .description('list the workspaces of an organization, newest first')
    .requiredOption('--org <org>', 'organization, by id or slug')
    .addHelpText('after', '\nExample:\n  $ sallyport workspaces list --org acme')
    .action(list)
}

type CreateOptions = StoreOptions & { org: string; externalId?: string }

async function create(name: string, { config, json, org, externalId }: CreateOptions): Promise<void> {
  if (externalId !== undefined && !/^[A-Za-z0-9._~:@-]{1,200}$/.test(externalId)) {
    // Other characters have several spellings in a path, and a grant must match in one alone.
    throw new UsageFailure('the external id must be 1 to 200 letters, digits and . _ ~ : @ -')
  }
  await withStore(config, async (store) => {
    const { id: organizationId } = await findOrganization(store, org)
    const workspace = await store
      .createWorkspace({ organizationId, name, externalId: externalId ?? null }, cliActor)
      .catch(conflictSays(`"sallyport workspaces list --org ${org}" shows those there are`))
    if (json) return printJson(workspaceRecord(workspace))
    print(
      facts([
        ['Workspace', workspace.id],
        ['Name', workspace.name],
        ['External id', workspace.externalId ?? '-'],
        ['Organization', workspace.organizationId],
      ]),
    )
  })
}

async function list({ config, json, org }: StoreOptions & { org: string }): Promise<void> {
  await withStore(config, async (store) => {
    const { id } = await findOrganization(store, org)
    const workspaces = await listAll((page) => store.listWorkspaces(id, page))
    if (json) return printJson(workspaces.map(workspaceRecord))
    if (workspaces.length === 0) return print('No workspaces yet.')
    const rows = workspaces.map((workspace) => [
      workspace.id,
      workspace.name,
      workspace.externalId ?? '-',
      new Date(workspace.createdAt).toISOString(),
    ])
    print(table(['ID', 'NAME', 'EXTERNAL ID', 'CREATED'], rows))
  })
}
