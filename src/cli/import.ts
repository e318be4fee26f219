import type { Command } from 'commander'
import { addImportKeys } from './import-keys.ts'
import { addImportOpenapi } from './import-openapi.ts'

/** `sallyport import openapi|keys` */
export function addImport(program: Command): void {
  const command = program.command('import').description('take over what another system has')
  addImportOpenapi(command)
  addImportKeys(command)
}
