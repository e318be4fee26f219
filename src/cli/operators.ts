import type { Command } from 'commander'
import { createAccounts, type LinkMade } from '../admin-api/login/accounts.ts'
import { operatorRecord } from '../admin-api/login/operator-record.ts'
import { createPasswords } from '../admin-api/login/passwords.ts'
import { email as emailText } from '../admin-api/login/schemas.ts'
import { systemClock } from '../clock.ts'
import type { Config } from '../config/schema.ts'
import type { Operator } from '../store/operators-store.ts'
import type { Role, Store } from '../store/store.ts'
import { conflictSays, Failure, UsageFailure } from './failure.ts'
import { findOrganization, listAll } from './find.ts'
import { cliActor, withStore } from './open-store.ts'
import { addStoreOptions, type StoreOptions } from './options.ts'
import { facts, print, printJson, table } from './output.ts'
import { readName } from './values.ts'

/** `sallyport operators create|list|reset-password|set-role|delete` */
export function addOperators(program: Command): void {
  const operators = program.command('operators').description('people who administer the gateway')

  addStoreOptions(operators.command('create <email>'))
    .description('create an operator; prints a link to set the password with, valid once and for 7 days')
    .option('--name <name>', 'what to call them (default: the part before the @)', readName)
    .option('--root', 'above all organizations')
    .option('--org <org>', 'organization, by id or slug')
    .option('--role <role>', 'role in it: owner, admin, engineer or viewer')
    .addHelpText('after', createExamples)
    .action(create)

  addStoreOptions(operators.command('list'))
    .description('list operators, newest first')
    .addHelpText('after', '\nExample:\n  $ sallyport operators list --json')
    .action(list)

  addStoreOptions(operators.command('reset-password <email>'))
    .description('end every session and token of an operator; prints a link to set a new password with')
    .addHelpText('after', '\nExample:\n  $ sallyport operators reset-password ada@example.com')
    .action(resetPassword)

  addStoreOptions(operators.command('set-role <email> <role>'))
    .description('root or none for the instance; with --org owner, admin, engineer, viewer or none')
    .option('--org <org>', 'organization, by id or slug')
    .addHelpText('after', setRoleExamples)
    .action(setRole)

  addStoreOptions(operators.command('delete <email>'))
    .description('delete an operator with sessions, tokens and memberships')
    .addHelpText('after', '\nExample:\n  $ sallyport operators delete ada@example.com')
    .action(remove)
}

interface CreateOptions extends StoreOptions {
  name?: string
  root?: boolean
  org?: string
  role?: string
}

async function create(email: string, { config, json, name, root = false, org, role }: CreateOptions): Promise<void> {
  const address = readEmail(email)
  if ((org === undefined) !== (role === undefined)) throw new UsageFailure('--org and --role belong together')
  if (org === undefined && !root) throw new UsageFailure('say what they may do: --root, or --org and --role')
  const given = role === undefined ? undefined : readRole(role)
  await withStore(config, async (store, settings) => {
    const organization = org === undefined ? undefined : await findOrganization(store, org)
    const input = {
      email: address,
      name: name ?? address.slice(0, address.indexOf('@')),
      isRoot: root,
      verified: true,
      passwordHash: null,
      ...(organization && given && { membership: { organizationId: organization.id, role: given } }),
    }
    const operator = await store
      .createOperator(input, cliActor)
      .catch(conflictSays('change their role with "sallyport operators set-role", or make a link with reset-password'))
    const link = await accountsOf(store, settings).createLink('invitation', operator.id, cliActor)
    printOperator(operator, link, json === true)
  })
}

async function list({ config, json }: StoreOptions): Promise<void> {
  await withStore(config, async (store) => {
    const operators = await listAll((page) => store.listOperators(page))
    if (json) return printJson(operators.map(operatorRecord))
    if (operators.length === 0)
      return print('No operators yet. Start the gateway for a set-up link, or create one here.')
    const rows = await Promise.all(
      operators.map(async ({ id, email, name, isRoot, lastLoginAt }) => [
        id,
        email,
        name,
        isRoot ? 'root' : `${(await store.rolesOf(id)).size} organization(s)`,
        lastLoginAt === null ? 'never' : new Date(lastLoginAt).toISOString(),
      ]),
    )
    print(table(['ID', 'EMAIL', 'NAME', 'ROLE', 'LAST LOG-IN'], rows))
  })
}

async function resetPassword(email: string, { config, json }: StoreOptions): Promise<void> {
  await withStore(config, async (store, settings) => {
    const { id } = await findByEmail(store, email)
    await store.resetPassword(id, cliActor)
    const link = await accountsOf(store, settings).createLink('reset', id, cliActor)
    printOperator(await findByEmail(store, email), link, json === true)
  })
}

async function setRole(email: string, role: string, { config, json, org }: StoreOptions & { org?: string }) {
  if (org === undefined && role !== 'root' && role !== 'none') {
    throw new UsageFailure(`without --org the role is root or none, not ${JSON.stringify(role)}`)
  }
  const wanted = org === undefined || role === 'none' ? undefined : readRole(role)
  await withStore(config, async (store) => {
    const { id, verified } = await findByEmail(store, email)
    if (org === undefined) {
      const changed = await store.updateOperator(id, { isRoot: role === 'root' }, cliActor)
      if (changed === 'last_root') throw lastRoot()
      if (changed === 'unverified') throw unconfirmed(email)
    } else {
      const { id: organizationId } = await findOrganization(store, org)
      const member = await store.findMember(organizationId, id)
      if (wanted === undefined) await store.removeMember(organizationId, id, false, cliActor)
      else if (member) await store.updateMember(organizationId, id, wanted, false, cliActor)
      else if (verified) await store.addMember(organizationId, id, wanted, cliActor)
      else throw unconfirmed(email)
    }
    const operator = await store.findOperator(id)
    if (operator) printOperator(operator, undefined, json === true)
    else if (json) printJson({ id, deleted: true })
    else print('Removed: the operator had never logged in and belongs to no organization now.')
  })
}

async function remove(email: string, { config, json }: StoreOptions): Promise<void> {
  await withStore(config, async (store) => {
    const { id } = await findByEmail(store, email)
    if ((await store.deleteOperator(id, cliActor)) === 'last_root') throw lastRoot()
    if (json) printJson({ id, deleted: true })
    else print(`Deleted ${id}.`)
  })
}

const lastRoot = (): Failure =>
  new Failure('nobody above all organizations would be left; make another operator root first')

/** Who invited somebody first can still set the password of that account, or has set it. */
const unconfirmed = (email: string): Failure =>
  new Failure(
    `an organization made this account and nobody has confirmed it: its owner may log in by OIDC, or "sallyport operators reset-password ${email}" confirms it and makes a link for them`,
  )

const accountsOf = (store: Store, config: Config) =>
  createAccounts({ store, passwords: createPasswords(), clock: systemClock, adminUrl: () => adminUrlOf(config) })

/** Where a browser on this machine finds the admin plane. */
function adminUrlOf({ admin: { listen } }: Config): string {
  const host = listen.host === '0.0.0.0' || listen.host === '::' ? '127.0.0.1' : listen.host
  return `http://${host.includes(':') ? `[${host}]` : host}:${listen.port}`
}

function readEmail(text: string): string {
  const email = emailText.safeParse(text)
  if (!email.success) throw new UsageFailure(`${JSON.stringify(text)} is not an e-mail address`)
  return email.data
}

function readRole(text: string): Role {
  if (text === 'owner' || text === 'admin' || text === 'engineer' || text === 'viewer') return text
  throw new UsageFailure(`${JSON.stringify(text)} is not a role; roles are owner, admin, engineer and viewer`)
}

async function findByEmail(store: Store, text: string): Promise<Operator> {
  const operator = await store.findOperatorByEmail(readEmail(text))
  if (operator) return operator
  throw new Failure(`there is no operator ${JSON.stringify(text)}; "sallyport operators list" shows those there are`)
}

/** The one place of the command line that shows a link: right after it was made, to whoever asked for it. */
function printOperator(operator: Operator, link: LinkMade | undefined, json: boolean): void {
  if (json) {
    const invitation = link && { url: link.url, expires_at: new Date(link.expiresAt).toISOString() }
    printJson({ ...operatorRecord(operator), ...(invitation && { invitation }) })
    return
  }
  const { id, email, name, isRoot } = operator
  print(
    facts([
      ['Operator', id],
      ['E-mail', email],
      ['Name', name],
      ['Root', isRoot ? 'yes' : 'no'],
    ]),
    ...(link
      ? ['', `To set the password, open once before ${new Date(link.expiresAt).toISOString()}:`, `  ${link.url}`]
      : []),
  )
}

const createExamples = `
Examples:
  $ sallyport operators create ada@example.com --root
  $ sallyport operators create bob@example.com --org acme --role engineer`

const setRoleExamples = `
Examples:
  $ sallyport operators set-role ada@example.com root
  $ sallyport operators set-role bob@example.com admin --org acme
  $ sallyport operators set-role bob@example.com none --org acme`
