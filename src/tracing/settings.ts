import { Secret } from '../keys/secret.ts'

/** How traces are exported: what the standard variables of OpenTelemetry say. */
export interface TracingSettings {
  readonly endpoint: string
  readonly protocol: 'http/protobuf' | 'http/json'
  readonly headers: ReadonlyMap<string, Secret>
  readonly timeoutMs: number
  readonly compression: 'none' | 'gzip'
  /** Names of PEM files. */
  readonly tls: { readonly ca?: string; readonly cert?: string; readonly key?: string }
  readonly sampler: { readonly kind: 'on' | 'off' | 'ratio'; readonly ratio: number; readonly parentBased: boolean }
  readonly resource: Readonly<Record<string, string>>
  readonly batch: {
    readonly queueMax: number
    readonly batchMax: number
    readonly delayMs: number
    readonly timeoutMs: number
  }
}

export interface ReadSettings {
  /** Undefined: nothing is exported. */
  readonly settings: TracingSettings | undefined
  /** What is wrong, each with what to write instead; never a value that could hold a secret. */
  readonly problems: readonly string[]
}

/** Reads `OTEL_*`. Export is on where an endpoint or the exporter otlp is named; what is wrong never stops a start. */
export function readTracingSettings(env: NodeJS.ProcessEnv): ReadSettings {
  const problems: string[] = []
  const off = { settings: undefined, problems }
  if (textOf(env, 'OTEL_SDK_DISABLED')?.toLowerCase() === 'true') return off
  const exporters = textOf(env, 'OTEL_TRACES_EXPORTER')
    ?.split(',')
    .map((name) => name.trim())
  const endpoint = endpointOf(env)
  if (exporters === undefined ? endpoint === undefined : !exporters.includes('otlp')) {
    if (exporters !== undefined && !exporters.includes('none'))
      problems.push('OTEL_TRACES_EXPORTER names no exporter that there is here; write otlp, or none.')
    return off
  }

  const { name: endpointName, text: endpointText } = endpoint ?? { name: '', text: defaultEndpoint }
  if (!URL.canParse(endpointText) || !/^https?:$/.test(new URL(endpointText).protocol)) {
    problems.push(`${endpointName} is not a URL; write for example http://collector:4318. No traces are exported.`)
    return off
  }
  const protocol = perSignal(env, 'PROTOCOL') ?? 'http/protobuf'
  if (protocol !== 'http/protobuf' && protocol !== 'http/json') {
    problems.push(
      'OTEL_EXPORTER_OTLP_PROTOCOL is not spoken here; write http/protobuf or http/json, and the port that the collector has for it (4318). No traces are exported.',
    )
    return off
  }
  const compression = perSignal(env, 'COMPRESSION') ?? 'none'
  if (compression !== 'none' && compression !== 'gzip')
    problems.push('OTEL_EXPORTER_OTLP_COMPRESSION is neither none nor gzip; nothing is compressed.')
  const number = (name: string, least: number, most: number, otherwise: number): number => {
    const text = textOf(env, name)
    const value = text === undefined ? otherwise : Number(text)
    if (value >= least && value <= most) return value
    problems.push(`${name} is not a number from ${least} to ${most}; ${otherwise} is taken.`)
    return otherwise
  }
  const timeoutName = textOf(env, 'OTEL_EXPORTER_OTLP_TRACES_TIMEOUT') ? 'OTLP_TRACES_TIMEOUT' : 'OTLP_TIMEOUT'
  const queueMax = number('OTEL_BSP_MAX_QUEUE_SIZE', 1, 100_000, 2048)
  const [ca, cert, key] = ['CERTIFICATE', 'CLIENT_CERTIFICATE', 'CLIENT_KEY'].map((name) => perSignal(env, name))
  const settings: TracingSettings = {
    endpoint: endpointText,
    protocol,
    headers: headersOf(env, problems),
    timeoutMs: number(`OTEL_EXPORTER_${timeoutName}`, 1, 600_000, 10_000),
    compression: compression === 'gzip' ? 'gzip' : 'none',
    tls: { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) },
    sampler: samplerOf(env, problems, number),
    resource: resourceOf(env, problems),
    batch: {
      queueMax,
      batchMax: Math.min(queueMax, number('OTEL_BSP_MAX_EXPORT_BATCH_SIZE', 1, 10_000, 512)),
      delayMs: number('OTEL_BSP_SCHEDULE_DELAY', 1, 600_000, 5000),
      timeoutMs: number('OTEL_BSP_EXPORT_TIMEOUT', 1, 600_000, 30_000),
    },
  }
  return { settings, problems }
}

/** An empty variable counts as none. */
const textOf = (env: NodeJS.ProcessEnv, name: string): string | undefined => env[name]?.trim() || undefined

/** The variable of traces wins over the one of every signal. */
const perSignal = (env: NodeJS.ProcessEnv, what: string): string | undefined =>
  textOf(env, `OTEL_EXPORTER_OTLP_TRACES_${what}`) ?? textOf(env, `OTEL_EXPORTER_OTLP_${what}`)

const defaultEndpoint = 'http://localhost:4318/v1/traces'

/** The one of traces is taken as it is, the one of every signal gets the path of traces. */
function endpointOf(env: NodeJS.ProcessEnv): { name: string; text: string } | undefined {
  const own = textOf(env, 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT')
  if (own !== undefined) return { name: 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', text: own }
  const shared = textOf(env, 'OTEL_EXPORTER_OTLP_ENDPOINT')
  if (shared === undefined) return undefined
  return { name: 'OTEL_EXPORTER_OTLP_ENDPOINT', text: `${shared.replace(/\/$/, '')}/v1/traces` }
}

const samplers: Readonly<Record<string, TracingSettings['sampler']>> = {
  always_on: { kind: 'on', ratio: 1, parentBased: false },
  always_off: { kind: 'off', ratio: 0, parentBased: false },
  traceidratio: { kind: 'ratio', ratio: 1, parentBased: false },
  parentbased_always_on: { kind: 'on', ratio: 1, parentBased: true },
  parentbased_always_off: { kind: 'off', ratio: 0, parentBased: true },
  parentbased_traceidratio: { kind: 'ratio', ratio: 1, parentBased: true },
}

function samplerOf(
  env: NodeJS.ProcessEnv,
  problems: string[],
  number: (name: string, least: number, most: number, otherwise: number) => number,
): TracingSettings['sampler'] {
  const name = textOf(env, 'OTEL_TRACES_SAMPLER') ?? 'parentbased_always_on'
  const found = Object.hasOwn(samplers, name) ? samplers[name] : undefined
  if (found?.kind === 'ratio') return { ...found, ratio: number('OTEL_TRACES_SAMPLER_ARG', 0, 1, 1) }
  if (found !== undefined) return found
  problems.push(`OTEL_TRACES_SAMPLER is none of ${Object.keys(samplers).join(', ')}; parentbased_always_on is taken.`)
  return { kind: 'on', ratio: 1, parentBased: true }
}

function resourceOf(env: NodeJS.ProcessEnv, problems: string[]): Record<string, string> {
  const attributes = Object.fromEntries(pairsOf(env, 'OTEL_RESOURCE_ATTRIBUTES', problems))
  const name = textOf(env, 'OTEL_SERVICE_NAME')
  return { ...attributes, ...(name && { 'service.name': name }) }
}

function headersOf(env: NodeJS.ProcessEnv, problems: string[]): Map<string, Secret> {
  const pairs = ['OTEL_EXPORTER_OTLP_HEADERS', 'OTEL_EXPORTER_OTLP_TRACES_HEADERS'].flatMap((name) =>
    pairsOf(env, name, problems),
  )
  return new Map(pairs.map(([name, value]) => [name.toLowerCase(), new Secret(value)]))
}

/** `name=value,name=value`, percent-encoded. One mistake makes the whole void, as the specification has it. */
function pairsOf(env: NodeJS.ProcessEnv, variable: string, problems: string[]): [name: string, value: string][] {
  const pairs: [string, string][] = []
  for (const part of (env[variable] ?? '').split(',')) {
    if (part.trim() === '') continue
    const [, name, value] = /^\s*([^=\s]+)\s*=\s*(.*?)\s*$/.exec(part) ?? []
    const decoded = value === undefined ? undefined : decode(value)
    if (name === undefined || decoded === undefined) {
      problems.push(`${variable} is not a list of name=value pairs with commas between; it is left out.`)
      return []
    }
    pairs.push([name, decoded])
  }
  return pairs
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
