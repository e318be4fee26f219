import { open, readFile, realpath, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { configBytesMax, loadText } from '../../config/load.ts'
import type { Problem } from '../../config/problems.ts'
import { Failure } from '../failure.ts'
import type { ImportOpenapiOptions } from '../import-openapi.ts'
import { loadOrFail } from '../load.ts'
import { replaceFile } from '../new-file.ts'
import { printJson, tell, writeOut } from '../output.ts'
import { readDocument } from './document.ts'
import { marksOf } from './gateway-file.ts'
import { readGatewayFile } from './merge.ts'
import { type ImportPlan, placeholder, planImport } from './plan-import.ts'
import { comment } from './route-lines.ts'

/** Reads the document and writes what comes of it, or nothing. */
export async function importOpenapi(file: string, options: ImportOpenapiOptions): Promise<void> {
  const { merge: target, out, json } = options
  const document = await readDocument(file)
  // A file with problems of its own is told first: they would be taken for those of the import.
  if (target !== undefined) await loadOrFail(target)
  const name = comment(basename(file)).slice(2)
  const before = target === undefined ? starter : await readFile(target, 'utf8')
  const plan = planImport(document, readGatewayFile(before, target ?? 'gateway.yaml', marksOf(name)), options)
  const destination = out ?? target ?? '-'
  await refuseInvalid(plan.text, target ?? (destination === '-' ? 'gateway.yaml' : destination))
  if (options.strict && plan.denied > 0) {
    throw new Failure([...plan.notes, 'parts of the document can only be denied; nothing was written'].join('\n'))
  }

  if (destination !== '-') await write(plan.text, destination, before, destination === target)
  else if (!json) await writeOut([plan.text])
  if (json)
    return printJson({
      ...summaryOf(plan),
      file: destination === '-' ? null : destination,
      ...(destination === '-' && { text: plan.text }),
    })
  tellSummary(plan, destination, options.upstream === undefined && target === undefined)
}

/** Whatever the document holds, what comes out is a configuration that starts, or nothing is written. */
async function refuseInvalid(text: string, file: string): Promise<void> {
  if (Buffer.byteLength(text) > configBytesMax) {
    throw new Failure(
      'the configuration would be larger than 1 MB, and no gateway reads that; import a part of the document',
    )
  }
  const loaded = await loadText(text, file, process.env)
  if (loaded.ok) return
  const problems = loaded.problems.map(({ path, message }: Problem) => `  ${path === '' ? '' : `${path}: `}${message}`)
  throw new Failure(
    [
      'what comes of the document is no valid configuration, so nothing was written:',
      ...problems,
      'Change the document; or write a gateway.yaml that settles it, and import with --merge.',
    ].join('\n'),
  )
}

async function write(text: string, file: string, before: string, replace: boolean): Promise<void> {
  try {
    if (!replace) {
      await using handle = await open(file, 'wx')
      await handle.writeFile(text)
      return
    }
    if (text === before) return
    // Through a symbolic link, and in one step: a running gateway reads the file at any moment.
    const real = await realpath(file)
    const { mode } = await stat(real)
    if ((await readFile(real, 'utf8')) !== before) throw new Failure(`${file} has just changed; try again`)
    await replaceFile(real, text, mode)
  } catch (error) {
    if (error instanceof Failure) throw error
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') {
      throw new Failure(`${file} is there already and was left as it is; add to it with --merge ${file}`)
    }
    throw new Failure(`${file} can't be written: ${error instanceof Error ? error.message : String(error)}`)
  }
}

const summaryOf = ({ routes, scopes, public: open, denied, notes }: ImportPlan) => ({
  ...{ routes, scopes, public: open, denied, notes },
})

function tellSummary(plan: ImportPlan, destination: string, isPlaceholder: boolean): void {
  for (const note of plan.notes.slice(0, notesMax)) tell(`note: ${note}`)
  if (plan.notes.length > notesMax) tell(`note: and ${plan.notes.length - notesMax} more; --json has them all`)
  if (isPlaceholder) tell(`note: the upstream is ${placeholder}; --upstream sets where the API listens`)
  const { routes, scopes, public: open, denied } = plan
  const where = destination === '-' ? '' : `Wrote ${destination}: `
  tell(`${where}${routes} routes, ${scopes} scopes, ${open} public, ${denied} denied`)
  if (destination !== '-') tell(`Next: sallyport check --config ${destination}`)
}

const notesMax = 50

const starter = `# yaml-language-server: $schema=./gateway.schema.json
# Begun by "sallyport import openapi". Every setting is in docs/reference/configuration.md.

listen: 0.0.0.0:8080              # callers come in here
admin: { listen: 127.0.0.1:9090 } # health and metrics; keep it private
store: sqlite:data/sallyport.db   # keys and the request log; relative to this file

upstreams: {}

# What keys can be allowed to do.
scopes: {}

# The most specific route decides alone. What no route names is refused.
routes: []
`
