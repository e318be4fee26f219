import { writeFileSync } from 'node:fs'
import { configJsonSchema, editorSchema } from './json-schema.ts'
import { referencePage } from './reference.ts'

/** What is made from the schema and committed, by its path from the top of the repository. */
export const generatedFiles = (): Readonly<Record<string, string>> => ({
  'gateway.schema.json': `${JSON.stringify(editorSchema(), null, 2)}\n`,
  'docs/reference/configuration.md': `${referencePage(configJsonSchema())}\n`,
})

// npm run generate
if (import.meta.main) {
  for (const [path, text] of Object.entries(generatedFiles())) {
    writeFileSync(new URL(`../../${path}`, import.meta.url), text)
  }
}
