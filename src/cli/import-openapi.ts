import { type Command, InvalidArgumentError } from 'commander'

/** `sallyport import openapi` */
export function addImportOpenapi(command: Command): void {
  command
    .command('openapi')
    .description('write routes and scopes from the security of an OpenAPI document')
    .argument('<file>', 'OpenAPI 3.0 to 3.2 or Swagger 2.0, in YAML or JSON')
    .option('--upstream <url>', 'where the API listens; with --merge also the name of an upstream in the file')
    .option('--out <file>', 'a new file to write, or - for stdout (the default)')
    .option('--merge <file>', 'add to this gateway.yaml, or bring an import in it up to date; the rest of it stays')
    .option('--base-path <path>', 'what stands in front of every path, instead of what the servers say')
    .option(
      '--without-security <who>',
      'who may call what the document says nothing of: key (any valid key) or public',
      readWho,
      'key',
    )
    .option('--strict', 'fail when a part of the document can only be denied')
    .option('--json', 'print the summary as JSON, for scripts')
    .addHelpText('after', help)
    // Loaded for this command alone: the others would wait for it.
    .action(async (file: string, options: ImportOpenapiOptions) => {
      const { importOpenapi } = await import('./openapi/import.ts')
      await importOpenapi(file, options)
    })
}

export interface ImportOpenapiOptions {
  upstream?: string
  out?: string
  merge?: string
  basePath?: string
  withoutSecurity: 'key' | 'public'
  strict?: boolean
  json?: boolean
}

function readWho(text: string): 'key' | 'public' {
  if (text === 'key' || text === 'public') return text
  throw new InvalidArgumentError('It must be key or public.')
}

const help = `
Examples:
  $ sallyport import openapi openapi.yaml --upstream http://127.0.0.1:9000 --out gateway.yaml
  $ sallyport import openapi openapi.json --merge gateway.yaml
  $ sallyport import openapi openapi.yaml | less

Every operation becomes a route that asks for the scopes that the document asks for; a key of the gateway stands for every
kind of credential in it. "security: []" makes a route public. What a route can't express is denied, never let through, with
the reason in a comment. References within the document are followed; nothing else is read.`
