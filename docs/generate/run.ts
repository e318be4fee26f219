import { writeFileSync } from 'node:fs'
import { createMetrics } from '../../src/metrics/registry.ts'
import { errorsPage } from './errors-page.ts'
import { metricsPage } from './metrics-page.ts'
import { openapiDocument, openapiTypes } from './openapi.ts'

const openapi = await openapiDocument()
const pages = {
  'errors.md': errorsPage(),
  'metrics.md': metricsPage(createMetrics({ version: '0' }).list()),
  'openapi.json': openapi,
  'openapi.d.ts': await openapiTypes(openapi),
}
for (const [name, text] of Object.entries(pages)) writeFileSync(new URL(`../reference/${name}`, import.meta.url), text)
