import { type JsonSchema, mapIn } from './json-schema.ts'

/** docs/reference/configuration.md: every key with its type, its default and what it means. */
export function referencePage(schema: JsonSchema): string {
  const sections = Object.entries(schema.properties ?? {}).map(([key, value]) => [key, mapIn(value)] as const)
  const single = sections.filter(
    ([, { properties, additionalProperties, items }]) =>
      !properties && !isMap(additionalProperties) && !items?.properties,
  )
  return [
    '# Configuration reference',
    '',
    'Every key of `gateway.yaml`. Generated from the schema by `npm run generate`; change the schema, not this page.',
    '',
    'Durations are a number and a unit: `500ms`, `30s`, `5m`, `1h`, `30d`. Sizes likewise: `512b`, `64kb`, `10mb`, `1gb`.',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is what to write
    'Relative file names start from the folder of the file. `${NAME}` and `${NAME:-default}` in a value read the environment; `$${` is a plain `${`.',
    'Unknown keys are errors.',
    '',
    '## Top level',
    '',
    ...table(single.map(([key, value]) => row(key, value, schema.required))),
    ...sections.filter((section) => !single.includes(section)).flatMap(([key, value]) => section(key, value)),
  ].join('\n')
}

function section(key: string, schema: JsonSchema): string[] {
  return ['', `## ${key}`, '', schema.description ?? '', '', ...table(rows(entryName(key, schema), entryOf(schema)))]
}

/** A list's keys are those of its entries, a map's those of what stands under each name. */
const entryOf = (schema: JsonSchema): JsonSchema =>
  schema.items ?? (isMap(schema.additionalProperties) ? schema.additionalProperties : schema)

function entryName(key: string, { items, additionalProperties }: JsonSchema): string {
  if (items) return `${key}[]`
  return isMap(additionalProperties) ? `${key}.<name>` : key
}

function rows(prefix: string, schema: JsonSchema): string[] {
  if (!schema.properties) return [row(prefix, schema, [])]
  return Object.entries(schema.properties).flatMap(([key, value]) => {
    const name = `${prefix}.${key}`
    const entry = entryOf(value)
    return [row(name, value, schema.required, key), ...(entry.properties ? rows(entryName(name, value), entry) : [])]
  })
}

const table = (rows: readonly string[]): string[] => [
  '| key | type | default | meaning |',
  '| --- | --- | --- | --- |',
  ...rows,
]

function row(name: string, schema: JsonSchema, required: readonly string[] = [], key = name): string {
  const cells = [
    `\`${name}\``,
    typeName(schema),
    required.includes(key) ? '**required**' : fallback(schema),
    schema.description ?? '',
  ]
  return `| ${cells.map((cell) => cell.replace(/\|/g, '\\|')).join(' | ')} |`
}

function typeName(schema: JsonSchema): string {
  if (schema.title !== undefined) return schema.title
  if (schema.items) return `list of ${typeName(schema.items)}`
  if (schema.enum) return schema.enum.map((value) => `\`${value}\``).join(', ')
  return schema.type === 'object' ? 'map' : (schema.type ?? 'text')
}

function fallback({ default: value, properties }: JsonSchema): string {
  if (value === undefined || properties) return ''
  if (value === '') return 'empty'
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``
}

const isMap = (value: JsonSchema | boolean | undefined): value is JsonSchema => typeof value === 'object'
